"""The base class of tasks: scene, state, reset, termination and fitness as masked tensor code over W worlds.

A task sees flat worlds, W = P x N, member-major; a reward sees the N worlds of its own member. The order in a control
step is: act, physics, state, reward, terminated, measure, (keep the terminal observation), advance, masked start,
state again, observe. Shapes are static and nothing synchronises with the host (no `.item()`, no `if` on a tensor, no
boolean indexing), so that the same code can run in a CUDA graph.

A world's results must not depend on other worlds, to the last bit. In torch 2.x on CPUs, `atan2`, `cosh`, `sigmoid`,
`softplus`, `pow` with a fractional exponent and `elu` round the last elements of a tensor differently. Avoid them in a
task, or use a multiple of 32 worlds per member.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Generic, Literal, TypeVar

import mujoco
import torch
from torch import Tensor

from eureka.errors import UserError, did_you_mean
from eureka.noise import Noise
from eureka.physics.base import Sim

StateT = TypeVar("StateT")
MemoryT = TypeVar("MemoryT")


class Measured(dict[str, Tensor]):
    """Values by the names that `Task.measure` gives them; a wrong name is a `UserError` that lists those."""

    def __missing__(self, name: str) -> Tensor:
        there = ", ".join(self) or "nothing"
        raise UserError(f"measure() returns {there}; fitness() asks for {name!r}{did_you_mean(name, self)}")

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f'a measured value is read as ["{name}"], not .{name}; measure() returns {", ".join(self)}'
        )


_EPISODE = (
    'it has length, sums, maxima and last, such as episode.sums["NAME"] of a value of measure(); '
    'a mean is episode.sums["NAME"] / episode.length'
)


@dataclass(frozen=True)
class Episode:
    """Statistics of each world's episode from `Task.measure`: the input of the fitness."""

    length: Tensor
    """(W,) int64 control steps so far, the current one included."""
    sums: dict[str, Tensor]
    """(W,) float32 each, sums over the episode."""
    maxima: dict[str, Tensor]
    """(W,) float32 each, maxima over the episode."""
    last: dict[str, Tensor]
    """(W,) float32 each, at the latest control step."""

    def __getattr__(self, name: str) -> Any:
        near = did_you_mean(name, [f.name for f in fields(self)])
        raise AttributeError(f"episode has no {name}{near}; {_EPISODE}")

    def __getitem__(self, name: Any) -> Any:
        raise UserError(f"episode is not read as episode[{name!r}]; {_EPISODE}")


@dataclass(frozen=True)
class NoMemory:
    """Memory of tasks that need none."""


def parameter(default: float, unit: str, low: float, high: float, doc: str) -> Any:
    """A field of a task's `Parameters`.

    Args:
        default: the value if none is given.
        unit: such as `rad` or `m/s`; empty for a number without a unit.
        low, high: the values that are allowed.
        doc: what it is, for users and the designer.
    """
    return field(default=default, metadata={"unit": unit, "low": low, "high": high, "doc": doc})


@dataclass(frozen=True)
class NoParameters:
    """Parameters of tasks that have none."""


@dataclass(frozen=True)
class Metric:
    """What a task measures beside its fitness: a value of `measure`, reduced over an episode.

    It is shown to users and designers, and of candidates with equal fitness the one with the better metrics is chosen.
    """

    name: str
    """Of the value in `measure`."""
    unit: str
    better: Literal["higher", "lower"]
    over: Literal["mean", "sum", "max", "last"]
    """How an episode's values become one: mean over control steps, sum, greatest, or last."""
    doc: str

    def of(self, episode: Episode) -> Tensor:
        """(W,) float32 of the episodes."""
        match self.over:
            case "mean":
                return episode.sums[self.name] / episode.length.clamp(min=1)
            case "sum":
                return episode.sums[self.name]
            case "max":
                return episode.maxima[self.name]
            case "last":
                return episode.last[self.name]


class Task(ABC, Generic[StateT, MemoryT]):
    """Base of all tasks. The designer sees the docstrings of the class, `act` and `terminated`.

    `StateT` is a frozen dataclass of float32 tensors with one row per world; its field docs begin with the shape, as in
    `(N, 3) m, world frame`. It has the fields `action` and `last_action`, (N, action_size) in [-1, 1]. `MemoryT` is a
    frozen dataclass of tensors with one row per world, passed from one control step to the next.

    The designer also sees class constants that have a docstring, with their values, and the parameters.

    `Parameters` is a frozen dataclass of `parameter(...)` fields, whose values YAML and command line may set. A field
    annotated as `Tensor` is a tensor (W,) float32: it may differ between worlds, change in a training, and be an
    argument of a reward. A field annotated as `float`, `int` or `bool` is a constant, which `scene` may use.
    """

    State: type
    """The dataclass that `state` returns; its fields are the argument names for rewards."""
    control_period: float
    """s between two actions; a multiple of the scene's timestep."""
    horizon: int
    """Control steps after which an episode is truncated."""
    action_size: int
    """Size of an action, whose entries are in [-1, 1]."""
    fitness_unit: str = ""
    """What the fitness counts or measures, such as `m/s` or `control steps`."""
    fitness_range: tuple[float | None, float | None] = (None, None)
    """The lowest and the highest fitness that an episode can have; None where there is no bound, or it is not known."""
    speed_bound: ClassVar[float] = 1e3
    """m/s or rad/s; a world with a faster joint has diverged, which terminates its episode."""

    late: ClassVar[bool] = False
    """Whether the task reads fields as MuJoCo's `mj_step` leaves them, as Gymnasium's environments do; see
    `eureka.physics.base`."""

    Parameters: ClassVar[type] = NoParameters
    """The dataclass of the task's parameters."""
    parameters: Any = NoParameters()
    """Their values, set before `scene` is called and not yet in `__init__`; in `scene`, all of them are numbers."""
    ranges: Mapping[str, tuple[float, float]] = {}
    """Lowest and highest values of parameters that worlds draw at the start of an episode; set with `parameters`."""
    metrics: ClassVar[tuple[Metric, ...]] = ()
    """What is measured beside the fitness, the most telling first."""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "Parameters" in cls.__dict__:
            cls.parameters = cls.Parameters()

    @abstractmethod
    def scene(self) -> mujoco.MjSpec:
        """The scene, uncompiled."""

    def start(self, sim: Sim, mask: Tensor, noise: Noise, memory: MemoryT | None) -> MemoryT:
        """Begin new episodes in the worlds of `mask` (W,) bool, which are in the model's initial state.

        Write positions and velocities with `sim.assign(mask, ...)`.

        Returns:
            Memory for every world; the environment uses only the rows of `mask`.
        """
        return NoMemory()  # type: ignore[return-value]

    @abstractmethod
    def act(self, sim: Sim, memory: MemoryT, action: Tensor) -> MemoryT:
        """Write `sim.ctrl` for `action`, (W, action_size) in [-1, 1]. The docstring explains the action."""

    @abstractmethod
    def state(self, sim: Sim, memory: MemoryT, action: Tensor, last_action: Tensor) -> StateT:
        """The current state, float32; `action` is the one just applied, 0 at the start of an episode."""

    @abstractmethod
    def observe(self, state: StateT) -> Tensor:
        """(W, observation size) float32, the policy's input."""

    def privileged(self, state: StateT) -> Tensor | None:
        """(W, C) float32 further inputs of the critic in training; None for the same inputs as the actor.

        See Pinto et al. 2018, "Asymmetric actor critic".
        """
        return None

    def terminated(self, state: StateT, memory: MemoryT) -> Tensor:
        """(W,) bool. The docstring states in words what terminates an episode."""
        return torch.zeros_like(_first(state)[:, 0], dtype=torch.bool)

    def ending(self) -> str:
        """What terminates an episode, for designers: by default the docstring of `terminated`."""
        return inspect.getdoc(type(self).terminated) or ""

    def measure(self, state: StateT, memory: MemoryT) -> dict[str, Tensor]:
        """(W,) each, bool or numbers, as float32: what fitness and metrics of an episode are computed from."""
        return {}

    @abstractmethod
    def fitness(self, episode: Episode) -> Tensor:
        """(W,) float32 fitness of an ended episode; higher is better. Depends on `episode` alone."""

    def advance(self, sim: Sim, memory: MemoryT, state: StateT, noise: Noise) -> MemoryT:
        """Update the memory after the reward of a control step: new goals, counters."""
        return memory


class LazyState(Mapping[str, Tensor]):
    """A State whose fields are computed when they are first read, for tasks that offer many.

    They are read within the control step, before a reset. The task's `State` is a dataclass with the same names.
    """

    def __init__(self, known: dict[str, Tensor], more: Mapping[str, Callable[[], Tensor]]):
        """Hold the fields in `known`, and those in `more`, which are called for their values."""
        self._known, self._more = known, more

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._known:
            self._known[name] = self._more[name]()
        return self._known[name]

    def __getattr__(self, name: str) -> Tensor:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._known, **self._more})

    def __len__(self) -> int:
        return len(self._known.keys() | self._more.keys())


def _first(state: Any) -> Tensor:
    return state.action


def tensors(record: Any) -> Mapping[str, Tensor]:
    """The fields of a State or Memory by name."""
    if isinstance(record, LazyState):
        return record
    return {f.name: getattr(record, f.name) for f in fields(record)}


def select(mask: Tensor, new: MemoryT, old: MemoryT) -> MemoryT:
    """Rows of `new` where `mask` (W,) is true, else of `old`."""
    chosen = {}
    for name, value in tensors(new).items():
        rows = mask.reshape(-1, *[1] * (value.dim() - 1))
        chosen[name] = torch.where(rows, value, getattr(old, name))
    return replace(new, **chosen)  # type: ignore[type-var]
