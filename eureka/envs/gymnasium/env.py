"""P x N environments of Gymnasium's with the face of `eureka.envs.env.Env`.

They are stepped one after another in this process (`SyncVectorEnv`): a process each costs more than it brings unless
cores outnumber environments, and could not show the simulator's data. Gymnasium resets nothing by itself here
(`AutoresetMode.DISABLED`), because the last state of an episode must be read before it is gone; worlds whose episode
ended begin the next one in the same step, with a seed that is a function of (member seed, world, episode).
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

_PROBED = 32
"""Control steps of random play that say what info tells."""
_TRIED, _SAVED = 80, (1, 13)
"""Control steps of the trial of checkpoints, and before which of them one is made: soon after a start, and later."""
_PER_WORLD = ("episode", "length", "last_action", "diverged", "total", "last")
_BAD = [
    int(w)
    for w in (mujoco.mjtWarning.mjWARN_BADQPOS, mujoco.mjtWarning.mjWARN_BADQVEL, mujoco.mjtWarning.mjWARN_BADQACC)
]
"""After these MuJoCo has put a world back into its initial state without a word."""


class GymnasiumTask:
    """What training needs of a task, for an environment named by its id."""

    def __init__(self, file: EnvironmentFile):
        """Make one, and play a little.

        Raises:
            UserError: it cannot be used; says why.
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
        """Whether an interrupted training goes on as if nothing had been: tried, on a few episodes."""
        seeds, chance = torch.zeros(1, dtype=torch.int64), np.random.default_rng(0)
        actions = torch.from_numpy(chance.uniform(-1, 1, (_TRIED, 1, 2, self.action_size))).float()
        one, other = (self.open(seeds, 2, "trial") for _ in range(2))
        one.reset()
        expected, saved = [], {}
        for i, action in enumerate(actions):
            if i in _SAVED:
                saved[i] = one.capture()
            expected.append(_seen(one, action))
        for begin, state in saved.items():
            if not any(name.startswith("state/") for name in state):
                return False
            other.load(state)
            for action, before in zip(actions[begin:], expected[begin:], strict=True):
                if not all(torch.equal(a, b) for a, b in zip(_seen(other, action), before, strict=True)):
                    return False
        return True

    def open(self, seeds: Tensor, worlds: int, stream: str) -> GymnasiumEnv:
        """Worlds for members with these seeds (P,)."""
        return GymnasiumEnv(self, seeds, worlds, stream)

    def _probe(self) -> dict[str, float]:
        env = self.example
        env.reset(seed=0)
        env.action_space.seed(0)
        known: dict[str, float] | None = None
        for _ in range(_PROBED):
            *_, terminated, truncated, info = env.step(env.action_space.sample())
            told = numbers(info)
            known = told if known is None else {k: v for k, v in told.items() if k in known}
            if terminated or truncated:
                env.reset()
        return known or {}


class GymnasiumEnv:
    """P x N worlds of an environment named by its id; attributes and methods as in `eureka.envs.env.Env`."""

    static = False

    def __init__(self, task: GymnasiumTask, seeds: Tensor, worlds: int, stream: str):
        """Make `worlds` environments for each of the seeds (P,); equal seeds meet equal episodes."""
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
        self.total = torch.zeros(count, dtype=torch.float64)
        """(W,) return of the episode so far."""
        self.last = torch.zeros(count, dtype=torch.float64)
        """(W,) latest value of the info that is the fitness."""

    @property
    def observed(self) -> int:
        """How many numbers a policy sees."""
        return self.observation.shape[-1]

    def reset(self) -> Tensor:
        """Begin an episode in every world; (P, N, O) float32 observations."""
        self.episode = self.episode + (self.length > 0)
        return self._begin(torch.ones_like(self.length, dtype=torch.bool))

    def restart(self) -> Tensor:
        """Begin the first episode in every world again, as if nothing had been played; observations (P, N, O)."""
        self.clock, self.length = torch.zeros_like(self.clock), torch.zeros_like(self.length)
        self.episode = torch.zeros_like(self.episode)
        return self.reset()

    def step(self, action: Tensor, rewards: Rewards | None = None) -> Step:
        """Apply `action` (P, N, A), clamped to [-1, 1], for one control step; no rewards, no reward: zeros."""
        count = len(self.length)
        action = action.reshape(count, -1).clamp(-1.0, 1.0)
        seen, own, terminated, truncated, infos = self._vector.step(self._scaled(action))
        seen, own = _float(seen), torch.from_numpy(own)
        diverged = ~(seen.isfinite().all(-1) & own.isfinite()) | self._warned()
        seen, own = seen.nan_to_num(0.0, 0.0, 0.0), torch.where(diverged, 0.0, own)
        if rewards is None:
            reward = torch.zeros(self.members, self.worlds)
        else:
            known = self._reader.read(infos)
            if bool(diverged.any()):  # what is not finite there is no candidate's fault
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
        """Begin the worlds of `mask` (W,) anew, each with the seed of its episode."""
        self.length = self.length.masked_fill(mask, 0)
        self.last_action = self.last_action.masked_fill(mask[:, None], 0.0)
        self.total, self.last = self.total.masked_fill(mask, 0.0), self.last.masked_fill(mask, 0.0)
        drawn = Noise(self._keys, self.episode).integers(f"{self._stream}/start", 1)[:, 0]
        seeds = (drawn & 0x7FFFFFFF).tolist()
        seen, _ = self._vector.reset(seed=seeds, options={"reset_mask": mask.numpy().copy()})
        begun = _float(seen).nan_to_num(0.0, 0.0, 0.0)
        self.observation = self._members(begun)
        return self.observation

    def _scaled(self, action: Tensor) -> np.ndarray:
        """(W, ...) in the environment's own box."""
        low, high = self.task.low, self.task.high
        # In this form, actions of a box from -1 to 1 stay what they are to the last bit.
        scaled = np.clip(0.5 * (low + high) + action.numpy() * (0.5 * (high - low)), low, high)
        space = self._vector.single_action_space
        return scaled.reshape(len(scaled), *self.task.action_shape).astype(space.dtype)

    def _warned(self) -> Tensor:
        """(W,) bool, worlds that MuJoCo itself has given up."""
        if not self.task.physical:
            return torch.zeros_like(self.length, dtype=torch.bool)
        counts = [env.unwrapped.data.warning.number for env in self._vector.envs]  # type: ignore[attr-defined]
        return torch.from_numpy(np.stack(counts)[:, _BAD].any(axis=1))

    def _members(self, flat: Tensor) -> Tensor:
        return flat.reshape(self.members, self.worlds, *flat.shape[1:])

    def save(self) -> dict[str, Tensor]:
        """What `load` needs; the environments' own state is among it if going on from that is exact."""
        saved = self.capture()
        return saved if self.task.exact else {k: v for k, v in saved.items() if not k.startswith("state/")}

    def capture(self) -> dict[str, Tensor]:
        """All that can be captured, enough or not."""
        flat = {f"world/{name}": getattr(self, name) for name in _PER_WORLD}
        captured = snapshot.stacked([snapshot.capture(env) for env in self._vector.envs])
        flat |= {f"state/{name}": torch.from_numpy(value) for name, value in (captured or {}).items()}
        saved = {name: self._members(value) for name, value in flat.items()}
        return saved | {"observation": self.observation, "clock": self.clock}

    def load(self, saved: dict[str, Tensor]) -> None:
        """Go on from what `save` gave: exactly, or at the beginning of the next episodes if they cannot be captured."""
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


def _seen(env: GymnasiumEnv, action: Tensor) -> list[Tensor]:
    """Everything that a control step shows."""
    fields: dict[str, Tensor] = {}

    def record(found: dict[str, Tensor]) -> Tensor:
        fields.update(found)
        return torch.zeros(env.members, env.worlds)

    step = env.step(action, record)
    return [step.observation, step.terminated, step.timed_out, step.fitness, *fields.values()]


def _float(observation: np.ndarray) -> Tensor:
    """(W, O) float32, a copy: the vector environment overwrites its own."""
    return torch.from_numpy(np.array(observation, dtype=np.float32))
