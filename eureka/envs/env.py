"""The batched environment: a task on physics, P members with N worlds each, reset in the step that ends an episode."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from eureka.envs.base import Rewards, Step
from eureka.envs.parameters import WorldParameters
from eureka.errors import UserError, did_you_mean
from eureka.noise import Noise, world_keys
from eureka.physics.base import DERIVED, ON_DEMAND, STATE, Physics, substeps_of
from eureka.task import Episode, LazyState, Measured, Task, select, tensors

_PER_WORLD = ("episode", "length", "last_action", "previous_action", "diverged")


class Env:
    """P x N worlds of one task.

    With `static`, every step runs the same operations, as CUDA graphs require. Without it (the default on a CPU), the
    operations for resets are skipped when no world needs one. The results are the same.
    """

    def __init__(self, task: Task, physics: Physics, seeds: Tensor, stream: str, static: bool | None = None):
        """Set up `task` on `physics`.

        Args:
            task: the task, whose scene `physics` holds.
            physics: W = P x N worlds, member-major.
            seeds: (P,) int64, one per member; members with equal seeds get equal worlds.
            stream: the purpose ("train", "selection", ...); other streams draw independent numbers.
            static: see above; None for all devices but the CPU.
        """
        # A copy, since `parameters` of the task become those of these worlds.
        self.task, self.physics, self.horizon = copy.copy(task), physics, task.horizon
        self.members = seeds.shape[0]
        self.worlds = physics.num_worlds // self.members
        self.static = physics.device.type != "cpu" if static is None else static
        physics.late = task.late
        self._substeps = substeps_of(physics.model, task.control_period)
        same = physics.qpos.dtype == torch.float32  # then `.float()` of a view is the view itself
        views = [getattr(physics, name) for name in (*STATE, *DERIVED, *ON_DEMAND)] if same else []
        # Storages by identity: fake tensors, which tests of static shapes use, have no addresses.
        self._borrowed = {view.untyped_storage()._cdata for view in views}
        device, count = physics.device, physics.num_worlds
        self._keys = world_keys(seeds.to(device), self.worlds)
        self._stream = stream
        self._all = torch.ones(count, dtype=torch.bool, device=device)
        self._none = ~self._all
        self.memory: Any = None
        self.clock = torch.zeros((), dtype=torch.int64, device=device)
        self.episode = torch.zeros(count, dtype=torch.int64, device=device)
        self.length = torch.zeros(count, dtype=torch.int64, device=device)
        self.last_action = torch.zeros(count, task.action_size, device=device)
        self.previous_action = self.last_action
        self.observation = torch.zeros(0, device=device)
        """(P, N, O) float32, current observation of actor and critic."""
        self.privileged = 0  # Number of last columns that only the critic sees
        self.diverged = torch.zeros(count, dtype=torch.int64, device=device)
        """(W,) int64, how often each world diverged since the environment was made."""
        self._tally: dict[str, dict[str, Tensor]] = {}
        self._parameters = WorldParameters(task, physics.num_worlds, device, always_draw=self.static)
        self._draw()

    @property
    def actor_size(self) -> int:
        """Number of first columns of the observation, which the actor sees."""
        return self.observation.shape[-1] - self.privileged

    def reset(self) -> Tensor:
        """Begin an episode in every world; (P, N, O) float32 observations."""
        self.episode = self.episode + (self.length > 0)
        self.length = torch.zeros_like(self.length)
        self.previous_action = self.last_action = torch.zeros_like(self.last_action)
        self._draw()
        self.physics.reset(self._all)
        self.memory = self._detach(self.task.start(self.physics, self._all, self._noise("start", self.episode), None))
        self.physics.forward(self._all)
        state = self._detach(self.task.state(self.physics, self.memory, self.last_action, self.last_action))
        measured = self._checked(state)
        zeros = {name: torch.zeros_like(v, dtype=torch.float32) for name, v in measured.items()}
        for name in (metric.name for metric in self.task.metrics if metric.name not in zeros):
            raise UserError(
                f"{_place_of(type(self.task), name)}{type(self.task).__name__}.metrics names {name!r}"
                f"{did_you_mean(name, zeros)}, but measure() returns {', '.join(zeros) or 'nothing'}"
            )
        lowest = {name: torch.full_like(v, -torch.inf) for name, v in zeros.items()}
        self._tally = {"sums": zeros, "maxima": lowest, "last": zeros}
        more = self.task.privileged(state)
        self.privileged = 0 if more is None else more.shape[-1]
        self.observation = self._members(self._observe(state))
        return self.observation

    def step(self, action: Tensor, rewards: Rewards | None = None) -> Step:
        """Apply `action` (P, N, A), clamped to [-1, 1], for one control step; without `rewards` the reward is 0."""
        task, sim = self.task, self.physics
        if self._parameters.drawn:
            self._draw()  # again in each step: a captured step does not keep what the one before drew
        action = action.reshape(-1, task.action_size).clamp(-1.0, 1.0)
        memory = self._detach(self._act(action))
        sim.step(self._substeps)
        diverged = self._repair()
        state = self._detach(task.state(sim, memory, action, self.last_action))
        if rewards is None:
            reward = torch.zeros(self.members, self.worlds, device=sim.device)
        else:
            # The state of a diverged world was read after its reset and does not depend on the action.
            reward = rewards(_Joined(tensors(state), self.parameters)).masked_fill(self._members(diverged), 0.0)

        terminated = task.terminated(state, memory) | diverged
        self.length = self.length + 1
        timed_out = (self.length >= task.horizon) & ~terminated
        ended = terminated | timed_out
        any_ended = self.static or bool(ended.any())
        episode = self._measure(task.measure(state, memory), diverged)
        terminal_observation = self._observe(state)
        zeros = torch.zeros_like(self.length, dtype=torch.float32)
        fitness = task.fitness(episode).float() if any_ended else zeros
        metrics = {m.name: m.of(episode) if any_ended else zeros for m in task.metrics}

        self.memory = self._detach(task.advance(sim, memory, state, self._noise("advance", self.clock)))
        self.clock = self.clock + 1
        self.previous_action, self.last_action = self.last_action, action
        if any_ended:
            self.begin_episodes(ended)
        if any_ended or self.memory is not memory:
            # `start` and `advance` may change the observation (a new goal), so the state is read again.
            state = self._detach(task.state(sim, self.memory, self.last_action, self.previous_action))
            observation = self._observe(state)
        else:
            observation = terminal_observation
        self.observation = self._members(observation)
        return Step(
            self.observation,
            reward,
            self._members(terminated),
            self._members(timed_out),
            self._members(terminal_observation),
            self._members(fitness),
            self._members(episode.length),
            {name: self._members(value) for name, value in metrics.items()},
        )

    def _act(self, action: Tensor) -> Any:
        try:
            return self.task.act(self.physics, self.memory, action)
        except RuntimeError as error:
            size, taken = self.task.action_size, self.physics.model.nu
            if size != taken:
                error.add_note(f"action_size is {size}, but sim.ctrl takes {taken} numbers, one for each actuator")
            raise

    def try_fitness(self) -> Tensor:
        """What `fitness` returns for an episode of one control step that measured 0; call `reset` before."""
        zeros = Measured(self._tally["sums"])
        return self.task.fitness(Episode(torch.ones_like(self.length), zeros, zeros, zeros))

    def _checked(self, state: Any) -> dict[str, Tensor]:
        """What `measure` returns; a UserError for a method of the task that returns a wrong shape."""
        task, cls, count = self.task, type(self.task), len(self.length)
        measured, more = task.measure(state, self.memory), task.privileged(state)
        if not isinstance(measured, dict):
            _check(cls, "measure", measured, 0, count)
        for name, value in measured.items():
            _check(cls, "measure", value, 1, count, name)
        _check(cls, "terminated", task.terminated(state, self.memory), 1, count)
        _check(cls, "observe", task.observe(state), 2, count)
        if more is not None:
            _check(cls, "privileged", more, 2, count)
        return measured

    @property
    def parameters(self) -> dict[str, Tensor]:
        """(W,) float32 each: the parameters that rewards may ask for, by name."""
        return self._parameters.by_name

    def set_parameters(self, ranges: Mapping[str, tuple[float, float]]) -> None:
        """Set lowest and highest values of parameters that may differ between worlds, by name."""
        self._parameters.set(ranges)
        self._draw()

    def _draw(self) -> None:
        self._parameters.draw(self._noise("parameters", self.episode))
        self.task.parameters = self._parameters.values

    def _observe(self, state: Any) -> Tensor:
        seen, more = self.task.observe(state), self.task.privileged(state)
        return seen if more is None else torch.cat([seen, more], dim=-1)

    def _noise(self, purpose: str, counter: Tensor) -> Noise:
        return Noise(self._keys, counter).within(f"{self._stream}/{purpose}")

    def _detach(self, record: Any) -> Any:
        """A State or Memory with copies of simulator views, which the next step and reset overwrite."""
        if not self._borrowed or isinstance(record, LazyState):
            return record
        values = tensors(record).items()
        copies = {name: v.clone() for name, v in values if v.untyped_storage()._cdata in self._borrowed}
        return replace(record, **copies) if copies else record

    def _members(self, flat: Tensor) -> Tensor:
        return flat.reshape(self.members, self.worlds, *flat.shape[1:])

    def _repair(self) -> Tensor:
        """Reset diverged worlds to the model's initial state; returns their mask (W,) bool."""
        sim = self.physics
        # NaN fails every comparison, so it counts as diverged.
        if not self.static and sim.qvel.abs().amax() <= self.task.speed_bound and sim.qpos.abs().amax() <= 1e6:
            return self._none
        sane = (sim.qvel.abs() <= self.task.speed_bound).all(-1) & (sim.qpos.abs() <= 1e6).all(-1)
        diverged = ~sane
        if self.static or bool(diverged.any()):
            sim.reset(diverged)
            sim.forward(diverged)
            self.diverged = self.diverged + diverged
        return diverged

    def _measure(self, now: dict[str, Tensor], diverged: Tensor) -> Episode:
        sums, maxima, last = Measured(), Measured(), Measured()
        for name, given in now.items():
            value = given.float()  # a sum of bool would be a logical or
            old = {kind: self._tally[kind][name] for kind in self._tally}
            sums[name] = torch.where(diverged, old["sums"], old["sums"] + value)
            maxima[name] = torch.where(diverged, old["maxima"], torch.maximum(old["maxima"], value))
            last[name] = torch.where(diverged, old["last"], value)
        self._tally = {"sums": sums, "maxima": maxima, "last": last}
        return Episode(self.length, sums, maxima, last)

    def begin_episodes(self, ended: Tensor) -> None:
        """Begin new episodes in the worlds of `ended` (W,) bool; the caller must update `observation`."""
        sim = self.physics
        self.episode = self.episode + ended
        self.length = self.length.masked_fill(ended, 0)
        self.last_action = self.last_action.masked_fill(ended[:, None], 0.0)
        self.previous_action = self.previous_action.masked_fill(ended[:, None], 0.0)
        for kind, blank in (("sums", 0.0), ("maxima", -torch.inf), ("last", 0.0)):
            self._tally[kind] = {name: v.masked_fill(ended, blank) for name, v in self._tally[kind].items()}
        if self._parameters.drawn:
            self._draw()
        sim.reset(ended)
        noise = self._noise("start", self.episode)
        if not self.static:
            noise = replace(noise, rows=ended.nonzero()[:, 0])
        fresh = self.task.start(sim, ended, noise, self.memory)
        self.memory = select(ended, fresh, self.memory)
        sim.forward(ended)

    def step_state(self) -> dict[str, Tensor]:
        """State that one step passes to the next, by name; without that of the simulator."""
        held = {f"memory/{k}": v for k, v in tensors(self.memory).items()}
        held |= {f"tally/{kind}/{k}": v for kind, tally in self._tally.items() for k, v in tally.items()}
        held |= {f"world/{name}": getattr(self, name) for name in _PER_WORLD}
        return held | {"observation": self.observation, "clock": self.clock}

    def set_step_state(self, held: dict[str, Tensor]) -> None:
        """Use these tensors, without a copy, as the state that `step_state` returns."""

        def part(prefix: str) -> dict[str, Tensor]:
            return {k.removeprefix(prefix): v for k, v in held.items() if k.startswith(prefix)}

        self.observation, self.clock = held["observation"], held["clock"]
        self.memory = type(self.memory)(**part("memory/"))
        self._tally = {kind: part(f"tally/{kind}/") for kind in self._tally}
        for name, value in part("world/").items():
            setattr(self, name, value)

    def save(self) -> dict[str, Tensor]:
        """All state that `load` needs to continue exactly; (P, N, ...) each, except for the clock."""
        held = {f"physics/{k}": v for k, v in self.physics.save().items()} | self.step_state()
        whole = {name: held.pop(name) for name in ("observation", "clock")}
        return {name: self._members(value) for name, value in held.items()} | whole

    def load(self, saved: dict[str, Tensor]) -> None:
        """Restore a state from `save` for the same task and worlds."""
        self.reset()
        whole = {name: saved[name] for name in ("observation", "clock")}
        flat = {name: value.flatten(0, 1) for name, value in saved.items() if name not in whole}
        state = {k.removeprefix("physics/"): v for k, v in flat.items() if k.startswith("physics/")}
        self.physics.load(state)
        self.set_step_state({k: v for k, v in flat.items() if not k.startswith("physics/")} | whole)

    def restart(self) -> Tensor:
        """Return to the initial state and begin the first episode in every world; (P, N, O) observations."""
        self.clock = torch.zeros_like(self.clock)
        self.episode, self.length = torch.zeros_like(self.episode), torch.zeros_like(self.length)
        return self.reset()


class _Joined(Mapping[str, Tensor]):
    """Fields of a State and parameters by name; a field is computed only if it is read."""

    def __init__(self, state: Mapping[str, Tensor], parameters: Mapping[str, Tensor]):
        self._state, self._parameters = state, parameters

    def __getitem__(self, name: str) -> Tensor:
        return self._parameters[name] if name in self._parameters else self._state[name]

    def __iter__(self) -> Iterator[str]:
        return iter((*self._state, *self._parameters))

    def __len__(self) -> int:
        return len(self._state) + len(self._parameters)


def _check(cls: type[Task], method: str, value: Any, dims: int, count: int, key: str = "") -> None:
    """Raise a UserError if `value`, of `method`, is no tensor with `dims` axes and a row for each of `count` worlds."""
    if isinstance(value, Tensor) and value.dim() == dims and value.shape[:1] == (count,):
        return
    found = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
    must = ("a dict of tensors (W,), one number", "a tensor (W,), one number", "a tensor (W, numbers), one row")[dims]
    raise UserError(
        f"{_place_of(getattr(cls, method), key)}{method}() returned {found}{f' under {key!r}' * bool(key)} for {count} "
        f"worlds; return {must} for each world"
    )


def _place_of(code: Any, text: str) -> str:
    """`FILE, line N: ` of the first line of a class or function that has `text` in quotes, or of its first line."""
    try:
        lines, first = inspect.getsourcelines(code)
        file = inspect.getfile(inspect.unwrap(code))
    except (OSError, TypeError):
        return ""
    found = (n for n, line in enumerate(lines, first) if f'"{text}"' in line or f"'{text}'" in line)
    return f"{file}, line {next(found, first)}: "
