"""Parameters of a task class: declarations, checks, and values in the worlds of an environment."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from eureka.config.description import Parameter
from eureka.config.parameters import Curriculum, Value
from eureka.config.tasks import LoadedTask, TaskFile
from eureka.errors import UserError, did_you_mean
from eureka.noise import Noise
from eureka.task import Task

_KINDS: dict[Any, Literal["per world", "constant", "whole number", "switch"]] = {
    Tensor: "per world",
    float: "constant",
    int: "whole number",
    bool: "switch",
}


def declared(task: Task | type[Task]) -> dict[str, Parameter]:
    """The parameters that a task class declares, with their default values.

    Raises:
        UserError: a declaration is invalid.
    """
    cls = task if isinstance(task, type) else type(task)
    where = f"{cls.__name__}.Parameters"
    if not is_dataclass(cls.Parameters):
        raise UserError(f"{where} must be a frozen dataclass of parameter(...) fields")
    hints = typing.get_type_hints(cls.Parameters)
    found = {}
    for f in fields(cls.Parameters):
        about, default = f.metadata, f.default
        if not {"unit", "low", "high", "doc"} <= set(about) or not isinstance(default, int | float):
            raise UserError(f"{where}.{f.name} has no unit, range or doc; declare it as eureka.task.parameter(...)")
        if hints[f.name] not in _KINDS:
            raise UserError(f"{where}.{f.name} must be annotated as Tensor, float, int or bool")
        if not about["low"] <= default <= about["high"]:
            raise UserError(
                f"{where}.{f.name}: the default {default:g} is outside {about['low']:g} to {about['high']:g}"
            )
        found[f.name] = Parameter(
            name=f.name,
            value=f"{default:g}",
            default=float(default),
            unit=about["unit"],
            low=about["low"],
            high=about["high"],
            doc=about["doc"],
            kind=_KINDS[hints[f.name]],
        )
    return found


def check(task: Task, curriculum: Curriculum, loaded: LoadedTask) -> tuple[Parameter, ...]:
    """The parameters of the task with the values of a curriculum.

    Args:
        task: the task.
        curriculum: values by name.
        loaded: its file, to say where a wrong value comes from.

    Raises:
        UserError: a parameter does not exist, or a value does not fit it.
    """
    known = declared(task)
    parts = [(curriculum.parameters, "")]
    parts += [(stage.parameters, f" in stage {number}") for number, stage in enumerate(curriculum.stages, start=1)]
    for number, (given, where) in enumerate(parts):
        for name, value in Curriculum(given).values(0).items():
            origin = where or _origin(loaded, name, given[name])
            _check(name, value, known, origin, type(task).__name__, staged=number > 0)
    return tuple(_with_value(parameter, curriculum) for parameter in known.values())


def _with_value(parameter: Parameter, curriculum: Curriculum) -> Parameter:
    name, stages = parameter.name, [curriculum.values(number) for number in range(curriculum.count)]
    given = [values[name] for values in stages if name in values]
    if not given:
        return parameter
    # A stage that gives no value has the default.
    varies = len(given) < len(stages) or len(set(given)) > 1 or not given[0].fixed
    value = str(stages[-1][name]) if name in stages[-1] else parameter.value
    return parameter.model_copy(update={"value": value, "varies": varies})


def _origin(loaded: LoadedTask, name: str, given: Any) -> str:
    """Where a value was given, as far as the file tells; empty if it does not hold this value."""
    assert isinstance(loaded.file, TaskFile)
    for preset, sizes in loaded.file.presets.items():
        if name in sizes.parameters and sizes.parameters[name] == given:
            return f" in the preset {preset} of {loaded.path.name}"
    held = name in loaded.file.parameters and loaded.file.parameters[name] == given
    return f" in {loaded.path.name}" if held else ""


def _check(name: str, value: Value, known: Mapping[str, Parameter], where: str, task: str, staged: bool) -> None:
    if name not in known:
        listed = f"; it has {', '.join(known)}" if known else "; it has none"
        raise UserError(f"parameters.{name}{where}: {task} has no such parameter{did_you_mean(name, known)}{listed}")
    p = known[name]
    unit = f" {p.unit}" if p.unit else ""
    for number in value.numbers:
        if not p.low <= number <= p.high:
            raise UserError(
                f"parameters.{name}{where}: {number:g} is out of range; give {p.low:g} to {p.high:g}{unit} ({p.doc})"
            )
        if p.kind == "whole number" and number != round(number):
            raise UserError(f"parameters.{name}{where}: {number:g} is not a whole number ({p.doc})")
        if p.kind == "switch" and number not in (0.0, 1.0):
            raise UserError(f"parameters.{name}{where}: give true or false, not {number:g} ({p.doc})")
    if p.kind != "per world" and (staged or not value.fixed):
        raise UserError(
            f"parameters.{name}{where}: it is a constant of the scene and cannot change in a training; give one number "
            "for the whole task"
        )


def apply(task: Task, ranges: Mapping[str, tuple[float, float]]) -> None:
    """Set the task's parameters to these values, by name; of a range, to the middle."""
    kinds = {bool: bool, int: int}
    hints = typing.get_type_hints(task.Parameters)
    middle = {name: 0.5 * (low + high) for name, (low, high) in ranges.items()}
    values = {name: kinds.get(hints[name], float)(value) for name, value in middle.items()}
    task.parameters, task.ranges = replace(task.Parameters(), **values), dict(ranges)


class WorldParameters:
    """Parameters of W worlds. The ranges change in place, so that a captured graph reads them."""

    def __init__(self, task: Task, worlds: int, device: torch.device, always_draw: bool):
        """Give every world the task's values; `always_draw` runs the same operations whatever the ranges are."""
        self._constants, self._always = task.parameters, always_draw
        per_world = [p.name for p in declared(task).values() if p.kind == "per world"]
        self._low = {n: torch.full((worlds,), float(getattr(task.parameters, n)), device=device) for n in per_world}
        self._high = {name: value.clone() for name, value in self._low.items()}
        self._ranges = dict.fromkeys(per_world, (0.0, 0.0))
        self.drawn = tuple(per_world) if always_draw else ()
        """The parameters with a range, or all."""
        self.values: Any = task.parameters
        """The task's `Parameters`, with tensors (W,) float32 for those that may differ between worlds."""
        self.set(task.ranges)

    @property
    def by_name(self) -> dict[str, Tensor]:
        """(W,) float32 each: those that rewards may ask for."""
        return {name: getattr(self.values, name) for name in self._low}

    def set(self, ranges: Mapping[str, tuple[float, float]]) -> None:
        """Set lowest and highest values, by name; others get their defaults. `draw` gives each world its own."""
        for name, (low, high) in self._all(ranges).items():
            self._low[name].fill_(low)
            self._high[name].fill_(high)
            self._ranges[name] = (low, high)
        self.drawn = tuple(n for n, (low, high) in self._ranges.items() if self._always or low != high)

    def _all(self, ranges: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
        defaults = type(self._constants)()
        return {n: ranges.get(n, (float(getattr(defaults, n)), float(getattr(defaults, n)))) for n in self._low}

    def draw(self, noise: Noise) -> None:
        """Each world's values; with a range, a function of the world and its episode."""
        values = dict(self._low)
        for name in self.drawn:
            share = noise.uniform(name, 1).squeeze(-1)
            values[name] = self._low[name] + (self._high[name] - self._low[name]) * share
        self.values = replace(self._constants, **values) if values else self._constants
