"""P x N Gymnasium environments with the interface of `eureka.envs.env.Env`.

They are stepped sequentially in this process (`SyncVectorEnv`). One process per environment pays only with more cores
than environments, and hides the simulator's data. Gymnasium's automatic reset is off (`AutoresetMode.DISABLED`) because
the last state of an episode must be read first. An ended episode is followed by the next one in the same step, with a
seed that is a function of (member seed, world, episode).
"""

from __future__ import annotations

import functools

import mujoco
import numpy as np
import torch
from gymnasium.spaces import Box, flatdim
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from torch import Tensor

from eureka.config.tasks import FIELD, EnvironmentFile
from eureka.envs.base import Rewards, Step
from eureka.envs.gymnasium import registry, snapshot
from eureka.envs.gymnasium.fields import Field, Reader, fields_of, info_of, numbers, physics_of
from eureka.errors import UserError
from eureka.noise import Noise, world_keys

_PROBE_STEPS = 32  # Control steps of random play that determine the keys of info
_TRIAL_STEPS, _TRIAL_SAVES = 80, (1, 13)
"""Control steps of the checkpoint trial, and those before which a checkpoint is made."""
_PER_WORLD = ("episode", "length", "last_action", "diverged", "total", "last")
_BAD = [
    int(w)
    for w in (mujoco.mjtWarning.mjWARN_BADQPOS, mujoco.mjtWarning.mjWARN_BADQVEL, mujoco.mjtWarning.mjWARN_BADQACC)
]
"""Warnings after which MuJoCo has reset a world to its initial state."""


class GymnasiumTask:
    """A Gymnasium environment as a task for training."""

    def __init__(self, file: EnvironmentFile):
        """Make one environment and play a few steps.

        Raises:
            UserError: the environment cannot be used.
        """
        self.file, self.identifier = file, file.identifier
        env = registry.make(self.identifier)
        self.example = env
        space = env.action_space
        assert isinstance(space, Box)
        self.action_shape, self.action_size = space.shape, int(np.prod(space.shape))
        self.limited = registry.limit_of(self.identifier) is not None
        limits = env.get_wrapper_attr("_max_episode_steps")
        self.horizon = int(limits)
        self.observation_size = flatdim(env.observation_space)
        bounded = np.isfinite(space.low) & np.isfinite(space.high)
        self.bounded = bool(bounded.all())
        self.low = np.where(bounded, space.low, -1.0).reshape(-1).astype(np.float32)
        self.high = np.where(bounded, space.high, 1.0).reshape(-1).astype(np.float32)
        self.physical = physics_of(env) is not None
        self.info = self._probe()
        self.fields: tuple[Field, ...] = fields_of(env, self.info)
        self.key = None if file.fitness == "return" else file.fitness.removeprefix("info.")
        if self.key is not None and self.key not in self.info:
            known = ", ".join(f"info.{key}" for key in sorted(self.info)) or "no number in its info"
            raise UserError(f"gymnasium:{self.identifier} has no info.{self.key} in every step; it has {known}")

    @functools.cached_property
    def exact(self) -> bool:
        """Whether a resumed training equals an uninterrupted one, as tried on a few episodes."""
        seeds, chance = torch.zeros(1, dtype=torch.int64), np.random.default_rng(0)
        actions = torch.from_numpy(chance.uniform(-1, 1, (_TRIAL_STEPS, 1, 2, self.action_size))).float()
        one, other = (self.open(seeds, 2, "trial") for _ in range(2))
        one.reset()
        expected, saved = [], {}
        for i, action in enumerate(actions):
            if i in _TRIAL_SAVES:
                saved[i] = one.capture()
            expected.append(_step_results(one, action))
        for begin, state in saved.items():
            if not any(name.startswith("state/") for name in state):
                return False
            other.load(state)
            for action, before in zip(actions[begin:], expected[begin:], strict=True):
                if not all(torch.equal(a, b) for a, b in zip(_step_results(other, action), before, strict=True)):
                    return False
        return True

    def open(self, seeds: Tensor, worlds: int, stream: str) -> GymnasiumEnv:
        """Make `worlds` worlds for each of the seeds (P,)."""
        return GymnasiumEnv(self, seeds, worlds, stream)

    def _probe(self) -> dict[str, float]:
        env = self.example
        env.reset(seed=0)
        env.action_space.seed(0)
        known: dict[str, float] | None = None
        for _ in range(_PROBE_STEPS):
            *_, terminated, truncated, info = env.step(env.action_space.sample())
            told = numbers(info)
            known = told if known is None else {k: v for k, v in told.items() if k in known}
            if terminated or truncated:
                env.reset()
        return known or {}


class GymnasiumEnv:
    """P x N worlds of a Gymnasium environment; attributes and methods as in `eureka.envs.env.Env`."""

    static = False

    def __init__(self, task: GymnasiumTask, seeds: Tensor, worlds: int, stream: str):
        """Make `worlds` environments for each of the seeds (P,); equal seeds get equal episodes."""
        self.task, self.members, self.worlds, self.horizon = task, seeds.shape[0], worlds, task.horizon
        count = self.members * worlds
        make = functools.partial(registry.make, task.identifier)
        self._vector = SyncVectorEnv([make] * count, copy=False, autoreset_mode=AutoresetMode.DISABLED)
        self._reader = Reader(self._vector.envs, task.fields)
        self._keys, self._stream = world_keys(seeds, worlds), stream
        self.clock = torch.zeros((), dtype=torch.int64)
        self.episode = torch.zeros(count, dtype=torch.int64)
        self.length = torch.zeros(count, dtype=torch.int64)
        self.last_action = torch.zeros(count, task.action_size)
        self.observation = torch.zeros(0)
        self.privileged = 0
        self.diverged = torch.zeros(count, dtype=torch.int64)
        self.total = torch.zeros(count, dtype=torch.float64)  # (W,) return of the episode so far
        self.last = torch.zeros(count, dtype=torch.float64)
        """(W,) latest value of the info entry that is the fitness."""

    @property
    def actor_size(self) -> int:
        """O: actor and critic see the same observation."""
        return self.observation.shape[-1]

    def reset(self) -> Tensor:
        """Begin an episode in every world; (P, N, O) float32 observations."""
        self.episode = self.episode + (self.length > 0)
        return self._begin(torch.ones_like(self.length, dtype=torch.bool))

    def restart(self) -> Tensor:
        """Return to the initial state and begin the first episode in every world; (P, N, O) observations."""
        self.clock, self.length = torch.zeros_like(self.clock), torch.zeros_like(self.length)
        self.episode = torch.zeros_like(self.episode)
        return self.reset()

    def step(self, action: Tensor, rewards: Rewards | None = None) -> Step:
        """Apply `action` (P, N, A), clamped to [-1, 1], for one control step; without `rewards` the reward is 0."""
        count = len(self.length)
        action = action.reshape(count, -1).clamp(-1.0, 1.0)
        seen, own, terminated, truncated, infos = self._vector.step(self._scale(action))
        seen, own = _float(seen), torch.from_numpy(own)
        diverged = ~(seen.isfinite().all(-1) & own.isfinite()) | self._warned()
        seen, own = seen.nan_to_num(0.0, 0.0, 0.0), torch.where(diverged, 0.0, own)
        if rewards is None:
            reward = torch.zeros(self.members, self.worlds)
        else:
            known = self._reader.read(infos)
            if bool(diverged.any()):  # values that are not finite there are not the candidate's fault
                known = {n: v.masked_fill(diverged.reshape(-1, *[1] * (v.dim() - 1)), 0.0) for n, v in known.items()}
            known |= {"observation": seen, "action": action, "last_action": self.last_action, FIELD: own.float()}
            reward = rewards(known).masked_fill(self._members(diverged), 0.0)

        over = torch.from_numpy(terminated) | diverged
        self.length, self.clock = self.length + 1, self.clock + 1
        timed_out = (torch.from_numpy(truncated) | (self.length >= self.task.horizon)) & ~over
        self.total = self.total + own
        if self.task.key is not None:
            self.last = torch.where(diverged, self.last, info_of(infos, self.task.key, count))
        fitness = (self.total if self.task.key is None else self.last).float()
        length, ended = self.length, over | timed_out
        self.last_action = action
        self.diverged = self.diverged + diverged
        terminal = self.observation = self._members(seen)
        if bool(ended.any()):
            self.episode = self.episode + ended
            self._begin(ended)
        return Step(
            self.observation,
            reward,
            self._members(over),
            self._members(timed_out),
            terminal,
            self._members(fitness),
            self._members(length),
        )

    def _begin(self, mask: Tensor) -> Tensor:
        """Begin new episodes in the worlds of `mask` (W,), each with the seed of its episode."""
        self.length = self.length.masked_fill(mask, 0)
        self.last_action = self.last_action.masked_fill(mask[:, None], 0.0)
        self.total, self.last = self.total.masked_fill(mask, 0.0), self.last.masked_fill(mask, 0.0)
        drawn = Noise(self._keys, self.episode).integers(f"{self._stream}/start", 1)[:, 0]
        seeds = (drawn & 0x7FFFFFFF).tolist()
        seen, _ = self._vector.reset(seed=seeds, options={"reset_mask": mask.numpy().copy()})
        self.observation = self._members(_float(seen).nan_to_num(0.0, 0.0, 0.0))
        return self.observation

    def _scale(self, action: Tensor) -> np.ndarray:
        """(W, ...) actions in the environment's own box."""
        low, high = self.task.low, self.task.high
        # In this form, actions of a box from -1 to 1 are not changed by a bit.
        scaled = np.clip(0.5 * (low + high) + action.numpy() * (0.5 * (high - low)), low, high)
        space = self._vector.single_action_space
        return scaled.reshape(len(scaled), *self.task.action_shape).astype(space.dtype)

    def _warned(self) -> Tensor:
        """(W,) bool, worlds that MuJoCo has reset because of a bad state."""
        if not self.task.physical:
            return torch.zeros_like(self.length, dtype=torch.bool)
        counts = [env.unwrapped.data.warning.number for env in self._vector.envs]  # type: ignore[attr-defined]
        return torch.from_numpy(np.stack(counts)[:, _BAD].any(axis=1))

    def _members(self, flat: Tensor) -> Tensor:
        return flat.reshape(self.members, self.worlds, *flat.shape[1:])

    def save(self) -> dict[str, Tensor]:
        """The state for `load`, including that of the environments if their continuation is exact."""
        saved = self.capture()
        return saved if self.task.exact else {k: v for k, v in saved.items() if not k.startswith("state/")}

    def capture(self) -> dict[str, Tensor]:
        """All state that can be captured, which may be incomplete."""
        flat = {f"world/{name}": getattr(self, name) for name in _PER_WORLD}
        captured = snapshot.stack([snapshot.capture(env) for env in self._vector.envs])
        flat |= {f"state/{name}": torch.from_numpy(value) for name, value in (captured or {}).items()}
        saved = {name: self._members(value) for name, value in flat.items()}
        return saved | {"observation": self.observation, "clock": self.clock}

    def load(self, saved: dict[str, Tensor]) -> None:
        """Restore a state from `save`: exactly, or with new episodes if the environments cannot be captured."""
        flat = {name: value.flatten(0, 1) for name, value in saved.items() if value.dim()}
        worlds = {k.removeprefix("world/"): v for k, v in flat.items() if k.startswith("world/")}
        states = {k.removeprefix("state/"): v.numpy() for k, v in flat.items() if k.startswith("state/")}
        self.clock, self.diverged = saved["clock"], worlds["diverged"]
        self.episode, self.length = worlds["episode"], worlds["length"]
        self.reset()
        if not states:
            return
        for i, env in enumerate(self._vector.envs):
            snapshot.restore(env, {name: value[i] for name, value in states.items()})
        for name, value in worlds.items():
            setattr(self, name, value)
        self.observation = saved["observation"]


def _step_results(env: GymnasiumEnv, action: Tensor) -> list[Tensor]:
    """All results of a control step, state fields included."""
    fields: dict[str, Tensor] = {}

    def record(found: dict[str, Tensor]) -> Tensor:
        fields.update(found)
        return torch.zeros(env.members, env.worlds)

    step = env.step(action, record)
    return [step.observation, step.terminated, step.timed_out, step.fitness, *fields.values()]


def _float(observation: np.ndarray) -> Tensor:
    """(W, O) float32 copy; the vector environment overwrites its own array."""
    return torch.from_numpy(np.array(observation, dtype=np.float32))
