"""What a task is: scene, state, reset, termination and fitness, written as masked tensor code over W worlds.

A task sees flat worlds, W = P x N, member-major; a reward sees the N worlds of its own member. One control step is,
in this order: act, physics, state, reward, terminated, measure, (keep the terminal observation), advance, masked
start, state again, observe. Everything is static in shape and free of host synchronisation (no `.item()`, no `if`
on a tensor, no boolean indexing), so that the same lines can run inside a CUDA graph.

Keep a world's numbers independent of its neighbours to the last bit: in torch 2.x on CPUs, `atan2`, `cosh`, `sigmoid`,
`softplus`, `pow` with a fractional exponent and `elu` round the last elements of a tensor otherwise than the rest.
Avoid them in a task, or keep the worlds of a member a multiple of 32.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Generic, TypeVar

import mujoco
import torch
from torch import Tensor

from eureka.noise import Noise
from eureka.physics.base import Sim

StateT = TypeVar("StateT")
MemoryT = TypeVar("MemoryT")


@dataclass(frozen=True)
class Episode:
    """What is known of each world's episode, from `Task.measure`, and all that a fitness may read."""

    length: Tensor
    """(W,) int64 control steps so far, the present one included."""
    sums: dict[str, Tensor]
    """(W,) float32 each, added up over the episode."""
    maxima: dict[str, Tensor]
    """(W,) float32 each, largest over the episode."""
    last: dict[str, Tensor]
    """(W,) float32 each, at the latest control step."""


@dataclass(frozen=True)
class NoMemory:
    """For tasks that need to remember nothing."""


class Task(ABC, Generic[StateT, MemoryT]):
    """Base of all tasks. The class docstring, and those of `act` and `terminated`, are shown to the designer.

    `StateT` is a frozen dataclass of float32 tensors with one row a world; its field docs begin with the shape, as in
    `(N, 3) m, world frame`. It has the fields `action` and `last_action`, (N, action_size) in [-1, 1]. `MemoryT` is a
    frozen dataclass of tensors with one row a world: what a task carries from one control step to the next.

    Class constants with a docstring below them are told to the designer too, with their value.
    """

    State: ClassVar[type]
    """The dataclass `state` gives; its fields are the argument names a reward may use."""
    control_period: ClassVar[float]
    """s between two actions; a multiple of the scene's timestep."""
    horizon: ClassVar[int]
    """Control steps after which an episode is cut."""
    action_size: ClassVar[int]
    """Numbers in an action, each in [-1, 1]."""
    speed_bound: ClassVar[float] = 1e3
    """m/s or rad/s; a world with any joint faster than this has diverged and its episode ends as a failure."""

    @abstractmethod
    def scene(self) -> mujoco.MjSpec:
        """The scene, uncompiled."""

    def start(self, sim: Sim, mask: Tensor, noise: Noise, memory: MemoryT | None) -> MemoryT:
        """Begin new episodes in the worlds of `mask` (W,) bool, which stand in the model's initial state.

        Writes positions and velocities with `sim.assign(mask, ...)`.

        Returns:
            Memory for every world; the environment keeps the rows of `mask` and drops the others.
        """
        return NoMemory()  # type: ignore[return-value]

    @abstractmethod
    def act(self, sim: Sim, memory: MemoryT, action: Tensor) -> MemoryT:
        """Write `sim.ctrl` for `action`, (W, action_size) in [-1, 1]. The docstring says what an action means."""

    @abstractmethod
    def state(self, sim: Sim, memory: MemoryT, action: Tensor, last_action: Tensor) -> StateT:
        """The present state, as float32; `action` is the one just applied, zero at the start of an episode."""

    @abstractmethod
    def observe(self, state: StateT) -> Tensor:
        """(W, observation size) float32, what the policy sees."""

    def privileged(self, state: StateT) -> Tensor | None:
        """(W, C) float32, what the critic sees beside the observation in training, and no policy needs to act.

        None where the critic sees what the actor sees (Pinto et al. 2018, "Asymmetric actor critic").
        """
        return None

    def terminated(self, state: StateT, memory: MemoryT) -> Tensor:
        """(W,) bool. The docstring says in words what ends an episode before its time."""
        return torch.zeros_like(_first(state)[:, 0], dtype=torch.bool)

    def measure(self, state: StateT, memory: MemoryT) -> dict[str, Tensor]:
        """(W,) float32 each: what the fitness is made of, at this control step."""
        return {}

    @abstractmethod
    def fitness(self, episode: Episode) -> Tensor:
        """(W,) float32, higher is better, of an episode that ends here. Reads nothing but `episode`."""

    def advance(self, sim: Sim, memory: MemoryT, state: StateT, noise: Noise) -> MemoryT:
        """After the reward of a control step: new goals, counters."""
        return memory


def _first(state: Any) -> Tensor:
    return state.action


def tensors(record: Any) -> dict[str, Tensor]:
    """The fields of a State or Memory by name."""
    return {f.name: getattr(record, f.name) for f in fields(record)}


def select(mask: Tensor, new: MemoryT, old: MemoryT) -> MemoryT:
    """Row by row, `new` where `mask` (W,) is true, else `old`."""
    chosen = {}
    for name, value in tensors(new).items():
        rows = mask.reshape(-1, *[1] * (value.dim() - 1))
        chosen[name] = torch.where(rows, value, getattr(old, name))
    return replace(new, **chosen)  # type: ignore[type-var]
