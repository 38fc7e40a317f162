"""P x N Gymnasium environments with the interface of `eureka.envs.env.Env`.

They are stepped one after another in this process. One process per environment pays only with more cores than
environments, and hides the simulator's data. Gymnasium's vector environments are not used, because they merge the infos
of worlds into arrays of one type, and may cut numbers. An ended episode is followed by the next one in the same step,
with a seed that is a function of (member seed, world, episode).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import mujoco
import numpy as np
import torch
from gymnasium.spaces import flatdim
from torch import Tensor

from eureka.config.tasks import FIELD, EnvironmentFile
from eureka.envs.base import Rewards, Step
from eureka.envs.gymnasium import registry, snapshot
from eureka.envs.gymnasium.actions import actions_of
from eureka.envs.gymnasium.fields import Field, Reader, fields_of, physics_of
from eureka.envs.gymnasium.world import World, told
from eureka.errors import UserError
from eureka.noise import Noise, world_keys

_PROBE_STEPS = 32  # Control steps of random play that determine which keys of the info are state fields
_PROBE_EPISODES, _PROBE_ENOUGH, _PROBE_MOST = 8, 2_000, 10_000
"""Random play that looks for the fitness: until this many episodes ended, or one in so many steps; and its bound."""
_TRIAL_STEPS, _TRIAL_SAVES = 80, (1, 13)
"""Control steps of the checkpoint trial, and those before which a checkpoint is made."""
_PER_WORLD = ("episode", "length", "last_action", "diverged", "total", "told")
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
        self.file, self.identifier, self.kwargs = file, file.identifier, file.kwargs
        self._world = self.make()
        env = self.example = self._world.env
        self.actions = actions_of(env.action_space)
        self.action_size = self.actions.size
        limit = registry.limit_of(self.identifier, self.kwargs)
        self.limited, self.horizon = limit is not None, int(env.get_wrapper_attr("_max_episode_steps"))
        self.observation_size = flatdim(env.observation_space)
        self.physical = physics_of(env) is not None
        keys = self._probe()
        self.fields: tuple[Field, ...] = fields_of(env, keys)
        self.key = file.fitness_key
        if self.key is not None and self.key not in keys:
            self._find_fitness(self.key)
        read = {f.index for f in self.fields if f.source == "info"} | ({self.key} if self.key else set())
        self.keys: tuple[str, ...] = tuple(sorted(read))
        """Keys of the info that are read."""

    def make(self, draws: bool = False) -> World:
        """Make one environment, which `draws` pictures if it can; raises `UserError`."""
        if draws and not self._world.can_draw:
            raise UserError(
                f"gymnasium:{self.identifier} cannot be filmed: MuJoCo does not simulate it, and its metadata has no "
                "render mode rgb_array"
            )
        more = {"render_mode": "rgb_array"} if draws else {}
        return World(self.identifier, registry.make(self.identifier, {**self.kwargs, **more}))

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

    def open(self, seeds: Tensor, worlds: int, stream: str, draws: bool = False) -> GymnasiumEnv:
        """Make `worlds` worlds for each of the seeds (P,), with `pictures` if it `draws`."""
        return GymnasiumEnv(self, seeds, worlds, stream, draws)

    def _random_play(self) -> Iterator[tuple[dict[str, float], bool]]:
        """Of each control step of random play the numbers in its info, and whether it ended an episode."""
        chance, world = np.random.default_rng(0), self._world
        for episode in itertools.count():
            if not np.isfinite(world.reset(seed=episode)).all():
                raise world.broken("reset", "returned NaN or infinity in an observation; a policy needs finite numbers")
            over = False
            while not over:
                drawn = torch.from_numpy(chance.uniform(-1.0, 1.0, (1, self.action_size)))
                moment = world.step(self.actions.native(self.actions.read(drawn).numpy())[0])
                over = moment.terminated or moment.truncated
                found = {key: told(moment.info, key) for key in moment.info if isinstance(key, str)}
                yield {key: value for key, value in found.items() if value is not None}, over

    def _probe(self) -> set[str]:
        """Keys under which the info of each of the first steps has a number."""
        steps = itertools.islice(self._random_play(), _PROBE_STEPS)
        return set.intersection(*(set(reported) for reported, _ in steps))

    def _find_fitness(self, key: str) -> None:
        """Check by random play that every episode reports the fitness.

        Raises:
            UserError: one that ended has not, or none ended and it was never reported.
        """
        keys: set[str] = set()
        found, ended, steps, now = 0, 0, 0, False
        for steps, (reported, over) in enumerate(self._random_play(), 1):
            keys, now = keys | set(reported), now or key in reported
            if over:
                ended, found, now = ended + 1, found + now, False
            if ended == _PROBE_EPISODES or steps == _PROBE_MOST or (ended and steps >= _PROBE_ENOUGH):
                break
        if key in keys and found == ended:
            return
        known = ", ".join(f"info.{other}" for other in sorted(keys)) or "no number in its info"
        ends = f"{ended or 'no'} episode{'s' * (ended != 1)} ended"
        what = f"reports info.{key} in only {found} of them" if key in keys else f"has no info.{key}; it has {known}"
        raise UserError(f"gymnasium:{self.identifier}: in {steps} steps of random play {ends}, and it {what}")


class GymnasiumEnv:
    """P x N worlds of a Gymnasium environment; attributes and methods as in `eureka.envs.env.Env`."""

    static = False

    def __init__(self, task: GymnasiumTask, seeds: Tensor, worlds: int, stream: str, draws: bool = False):
        """Make `worlds` environments for each of the seeds (P,); equal seeds get equal episodes."""
        self.task, self.members, self.worlds, self.horizon = task, seeds.shape[0], worlds, task.horizon
        count = self.members * worlds
        self._played = [task.make(draws) for _ in range(count)]
        self.envs = [world.env for world in self._played]
        self._reader = Reader(self.envs, task.fields)
        self._keys, self._stream = world_keys(seeds, worlds), stream
        self.clock = torch.zeros((), dtype=torch.int64)
        self.episode = torch.zeros(count, dtype=torch.int64)
        self.length = torch.zeros(count, dtype=torch.int64)
        self.last_action = torch.zeros(count, task.action_size)
        self.observation = torch.zeros(0)
        self.privileged = 0
        self.diverged = torch.zeros(count, dtype=torch.int64)
        self.total = torch.zeros(count, dtype=torch.float64)  # (W,) return of the episode so far
        self.told = torch.zeros(count, len(task.keys), dtype=torch.float64)
        """(W, K) last finite number in the episode under each of the task's keys of the info, 0 before any."""

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
        """Apply `action` (P, N, A) for one control step, as `Actions` reads it; without `rewards` the reward is 0."""
        count = len(self.length)
        action = self.task.actions.read(action.reshape(count, -1))
        seen, own, over, truncated, reported = self._play(self.task.actions.native(action.numpy()))
        diverged = ~(seen.isfinite().all(-1) & own.isfinite()) | self._warned()
        seen, own = seen.nan_to_num(0.0, 0.0, 0.0), torch.where(diverged, 0.0, own)
        self.told = torch.where(diverged[:, None], self.told, reported)
        by_key = dict(zip(self.task.keys, self.told.unbind(1), strict=True))
        if rewards is None:
            reward = torch.zeros(self.members, self.worlds)
        else:
            known = self._reader.read(seen, by_key)
            if bool(diverged.any()):  # values that are not finite there are not the candidate's fault
                known = {n: v.masked_fill(diverged.reshape(-1, *[1] * (v.dim() - 1)), 0.0) for n, v in known.items()}
            known = {"observation": seen} | known  # of which an entry may have this name
            known |= {"action": action, "last_action": self.last_action, FIELD: own.float()}
            reward = rewards(known).masked_fill(self._members(diverged), 0.0)

        over = over | diverged
        self.length, self.clock = self.length + 1, self.clock + 1
        timed_out = (truncated | (self.length >= self.task.horizon)) & ~over
        self.total = self.total + own
        scored = self.total if self.task.key is None else by_key[self.task.key]
        fitness = (self.task.file.fitness_sign * scored + 0.0).float()  # and never -0
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

    def pictures(self) -> list[np.ndarray]:
        """(H, W, 3) uint8 of each of the W worlds, which the environments draw themselves."""
        return [world.draw() for world in self._played]

    def _begin(self, mask: Tensor) -> Tensor:
        """Begin new episodes in the worlds of `mask` (W,), each with the seed of its episode."""
        self.length = self.length.masked_fill(mask, 0)
        self.last_action = self.last_action.masked_fill(mask[:, None], 0.0)
        self.total, self.told = self.total.masked_fill(mask, 0.0), self.told.masked_fill(mask[:, None], 0.0)
        drawn = Noise(self._keys, self.episode).integers(f"{self._stream}/start", 1)[:, 0]
        seeds = (drawn & 0x7FFFFFFF).tolist()
        seen = np.zeros((len(seeds), self.task.observation_size), dtype=np.float32)
        seen[~mask.numpy()] = self.observation.reshape(-1, seen.shape[1])[~mask].numpy() if not mask.all() else 0.0
        for i in mask.nonzero()[:, 0].tolist():
            seen[i] = self._played[i].reset(seed=seeds[i], options={})
        self.observation = self._members(torch.from_numpy(seen).nan_to_num(0.0, 0.0, 0.0))
        return self.observation

    def _play(self, actions: Sequence[Any]) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """One control step of each world: observations (W, O), own rewards, terminated, truncated (W,), told (W, K)."""
        count = len(self._played)
        seen, own = np.empty((count, self.task.observation_size), dtype=np.float32), np.empty(count)
        flags, reported = np.empty((2, count), dtype=bool), self.told.numpy().copy()
        for i, world in enumerate(self._played):
            # Copied at once, since an environment may overwrite its own arrays.
            seen[i], own[i], flags[0, i], flags[1, i], info = world.step(actions[i])
            for k, key in enumerate(self.task.keys):
                value = told(info, key)
                reported[i, k] = reported[i, k] if value is None else value
        first, other = torch.from_numpy(flags)
        return torch.from_numpy(seen), torch.from_numpy(own), first, other, torch.from_numpy(reported)

    def _warned(self) -> Tensor:
        """(W,) bool, worlds that MuJoCo has reset because of a bad state."""
        if not self.task.physical:
            return torch.zeros_like(self.length, dtype=torch.bool)
        counts = [env.unwrapped.data.warning.number for env in self.envs]  # type: ignore[attr-defined]
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
        captured = snapshot.stack([snapshot.capture(env) for env in self.envs])
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
        for i, env in enumerate(self.envs):
            snapshot.restore(env, {name: value[i] for name, value in states.items()})
        for name, value in worlds.items():
            setattr(self, name, value)
        self.observation = saved["observation"]


def _step_results(env: GymnasiumEnv, action: Tensor) -> list[Tensor]:
    """All results of a control step, state fields included."""
    fields: dict[str, Tensor] = {}

    def record(found: Mapping[str, Tensor]) -> Tensor:
        fields.update(found)
        return torch.zeros(env.members, env.worlds)

    step = env.step(action, record)
    return [step.observation, step.terminated, step.timed_out, step.fitness, *fields.values()]
