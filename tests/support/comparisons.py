"""Comparisons of arms with given fitness."""

from __future__ import annotations

from support.candidates import trained

from eureka.runs.candidate import Failed, Outcome
from eureka.runs.comparison import comparison
from eureka.runs.results import ArmSpec, Comparison, Reward

LOST = Failed(stage="train", message="NaN")


Outcomes = tuple[str, list[Outcome]]


def arm(name: str, *fitness: float, lost: int = 0) -> Outcomes:
    return name, [*[trained().model_copy(update={"report": f, "selection": f}) for f in fitness], *[LOST] * lost]


def of(*arms: Outcomes) -> Comparison:
    specs = [ArmSpec(name=name, rewards=(Reward(origin=name, code=""),)) for name, _ in arms]
    return comparison(specs, dict(arms))
