"""Trainings that go on: the curves so far, put together from the points that checkpoints left in the journal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from eureka.candidate import Curves
from eureka.store import Event

_OF_EACH = ("components", "least", "greatest")
"""Fields with a value for each component."""
_MAY_LACK = ("training_fitness", "episode_length")
"""Fields whose values may be unknown; elsewhere null stands for what is no number."""


def curves_so_far(events: Sequence[Event]) -> dict[str, Curves]:
    """Curves by place (`candidates/1.0`, `final/human-0`); a point that was made again after a crash counts once."""
    points: dict[str, dict[int, Mapping[str, Any]]] = {}
    for event in events:
        if event["event"] == "checkpoint":
            for place, point in event.get("points", {}).items():
                points.setdefault(str(place), {})[point["steps"]] = point
    return {place: _curves([found[steps] for steps in sorted(found)]) for place, found in points.items()}


def _curves(points: Sequence[Mapping[str, Any]]) -> Curves:
    record: dict[str, Any] = {}
    for name in Curves.model_fields:
        if name in _OF_EACH:
            record[name] = {c: [_number(p[name].get(c)) for p in points] for c in points[-1][name]}
        else:
            record[name] = [p[name] if name in _MAY_LACK else _number(p[name]) for p in points]
    return Curves.model_validate(record)


def _number(value: Any) -> Any:
    return math.nan if value is None else value
