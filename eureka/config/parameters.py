"""Values of task parameters in a YAML file and on the command line, and the stages of a training.

A value is a number; `{uniform: [LOW, HIGH]}`, which every world draws anew at the start of each episode; or `{start: A,
end: B, over: SHARE}`, which moves linearly from A to B over the first SHARE of the training.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

FORMS = "give a number, {uniform: [LOW, HIGH]} or {start: A, end: B, over: SHARE}"


@dataclass(frozen=True)
class Value:
    """A parsed value: a range that moves linearly from `first` to `last` over a share of the training."""

    first: tuple[float, float]  # lowest and highest; equal if all worlds have the same
    last: tuple[float, float]
    over: float = 1.0

    @property
    def fixed(self) -> bool:
        """Whether it is one number."""
        return self.first == self.last and self.first[0] == self.first[1]

    @property
    def numbers(self) -> tuple[float, ...]:
        """All numbers that occur."""
        return (*self.first, *self.last)

    def at(self, progress: float) -> tuple[float, float]:
        """The range after a share of the training."""
        share = min(1.0, progress / self.over)
        low, high = (a + (b - a) * share for a, b in zip(self.first, self.last, strict=True))
        return low, high

    def __str__(self) -> str:
        if self.first != self.last:
            over = f" over the first {self.over:.0%} of the training" if self.over < 1 else " over the training"
            return f"from {self.first[0]:g} to {self.last[0]:g}{over}"
        low, high = self.last
        return f"{low:g}" if low == high else f"uniform in [{low:g}, {high:g}]"


def parse(given: Any) -> Value:
    """A value; raises `ValueError` if it has none of the forms."""
    match given:
        case {"uniform": [low, high], **others} if not others:
            bounds = (_number(low), _number(high))
            if bounds[0] > bounds[1]:
                raise ValueError(f"the lowest value {low} is above the highest, {high}")
            return Value(bounds, bounds)
        case {"start": start, "end": end, **others} if not set(others) - {"over"}:
            over, first, last = _number(others.get("over", 1.0)), _number(start), _number(end)
            if not 0 < over <= 1:
                raise ValueError(f"over is a share of the training in (0, 1], not {over:g}")
            return Value((first, first), (last, last), over)
    one = _number(given)
    return Value((one, one), (one, one))


def _number(given: Any) -> float:
    try:
        number = math.nan if given is None else float(given)  # YAML 1.1 reads 1e-3 as text
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(FORMS)
    return number


def _checked(given: Any) -> Any:
    parse(given)
    return given if isinstance(given, bool | int | float | dict) else float(given)


def _condition(given: Any) -> Any:
    if given is not None and not re.fullmatch(r"fitness\s*>=\s*[-+]?\d+(\.\d*)?([eE][-+]?\d+)?", str(given)):
        raise ValueError(f"give a condition such as `fitness >= 2`, not {given!r}")
    return given


Given = Annotated[Any, BeforeValidator(_checked)]
"""A value as it was given."""
Values = Annotated[dict[str, Given], Field(description="values of the task's parameters, by name")]


class Stage(BaseModel):
    """A part of a training with its own parameters. Policy, normalisers and reward are kept from the stage before."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    parameters: Values = Field(default={}, description="values that differ from those of the task, by name")
    share: float | None = Field(default=None, gt=0, lt=1, description="share of the steps, the most if `until` is set")
    until: Annotated[str | None, BeforeValidator(_condition)] = Field(
        default=None,
        description="`fitness >= X`: ends when half of the population reach it in episodes of training of this stage",
    )

    @model_validator(mode="after")
    def _without_ramps(self) -> Stage:
        for name, given in self.parameters.items():
            value = parse(given)
            if value.first != value.last:
                raise ValueError(f"the parameter {name} of a stage cannot move; give a number or {{uniform: [A, B]}}")
        return self

    @property
    def target(self) -> float | None:
        """The fitness of `until`."""
        return float(self.until.partition(">=")[2]) if self.until else None


def check_stages(stages: Sequence[Stage]) -> None:
    """Raise `ValueError` if stages do not add up to a training."""
    if not stages:
        return
    for number, stage in enumerate(stages[:-1], start=1):
        if stage.share is None and stage.until is None:
            raise ValueError(f"stage {number} must have a share of the steps, or a condition `until: fitness >= X`")
    if stages[-1].share is not None or stages[-1].until is not None:
        raise ValueError("the last stage takes the rest of the training: it has neither share nor until")
    total = sum(stage.share or 0.0 for stage in stages)
    if total >= 1:
        raise ValueError(f"the shares of the stages add up to {total:g}; leave some of the training to the last one")


@dataclass(frozen=True)
class Curriculum:
    """The parameters of a training, and how they change in it."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    stages: tuple[Stage, ...] = ()
    policy: str = ""  # Where the policy comes from that every training starts from; empty for a new one

    def values(self, stage: int) -> dict[str, Value]:
        """The values in a stage, by parameter; only those that were given."""
        own = self.stages[stage].parameters if self.stages else {}
        return {name: parse(given) for name, given in {**self.parameters, **own}.items()}

    @property
    def count(self) -> int:
        """Number of stages, at least 1."""
        return max(1, len(self.stages))

    @property
    def final(self) -> dict[str, tuple[float, float]]:
        """The ranges in evaluation: those at the end of the last stage."""
        return {name: value.last for name, value in self.values(self.count - 1).items()}

    def ends(self, iterations: int, met: Mapping[int, int]) -> list[int]:
        """The iterations at which the stages but the last end; at the latest, for a condition that is not met yet.

        A stage without a share may last until each later stage has an equal part of what is left.

        Args:
            iterations: of the training.
            met: iterations at which conditions were met, by stage from 0.
        """
        ends, at = [], 0
        for number, stage in enumerate(self.stages[:-1]):
            later = len(self.stages) - 1 - number
            length = round(stage.share * iterations) if stage.share else (iterations - at) // (later + 1)
            at = met.get(number, min(at + max(1, length), iterations - later))
            ends.append(at)
        return ends

    @property
    def variant(self) -> str:
        """What was given, such as `goal_step 0.6, 2 stages`; empty if nothing was."""
        given = [f"{name} {parse(value)}" for name, value in self.parameters.items()]
        given += [f"{self.count} stages"] if self.stages else []
        given += [f"from the policy of {self.policy}"] if self.policy else []
        return ", ".join(given)

    def describe(self) -> list[str]:
        """The stages in words, one line each."""
        lines = []
        for number, stage in enumerate(self.stages, start=1):
            share = f"{'at most ' if stage.until else ''}{stage.share:.0%} of the steps" if stage.share else ""
            until = f"until half of the population reach {stage.until}" if stage.until else ""
            length = ", ".join(part for part in (share, until) if part) or "the rest"
            own = ", ".join(f"{name} {parse(given)}" for name, given in stage.parameters.items()) or "no change"
            lines.append(f"{number}. {length}: {own}")
        return lines
