"""What a run took: time by part, calls, tokens and money, as its journal has them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eureka.config.settings import Asking
from eureka.designers.budget import Budget
from eureka.runs.replies import Answer
from eureka.runs.store import Event

_LATEST = 32_503_680_000.0
"""The year 3000; no clock is right beyond it."""


@dataclass(frozen=True)
class Part:
    """What one kind of work took, s."""

    name: str
    search: float
    final: float
    """In the final comparison."""

    @property
    def seconds(self) -> float:
        """Of both."""
        return self.search + self.final


@dataclass(frozen=True)
class Costs:
    """Time in s, measured where it was spent; tokens and money as servers count them."""

    began: float | None
    """s since 1970, of the journal's first event."""
    ended: float | None
    """Of its last one."""
    parts: tuple[Part, ...]
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    usd: float
    priced: bool
    """Whether every call has a price; else `usd` is a lower bound."""
    models: tuple[str, ...]
    """Who answered."""

    @property
    def elapsed(self) -> float:
        """s from the first event to the last, pauses included."""
        return max(0.0, self.ended - self.began) if self.began is not None and self.ended is not None else 0.0


_CLOCKS = {
    "env": "training: simulation, rewards, resets",
    "policy": "training: policies act",
    "learning": "training: learning",
    "evaluation": "evaluation",
    "disk": "checkpoints to the disk",
}


def costs_of(asking: Asking, events: Sequence[Event]) -> Costs:
    """What is recorded so far."""
    budget = Budget(asking, events)
    answers = [Answer.model_validate(e["answer"]) for e in events if e["event"] == "answer"]
    times = [seconds for e in events if (seconds := _time(e)) is not None]
    return Costs(
        began=times[0] if times else None,
        ended=times[-1] if times else None,
        parts=_parts(events, answers),
        calls=budget.calls,
        prompt_tokens=sum(a.prompt_tokens or 0 for a in answers if a.called),
        completion_tokens=sum(a.completion_tokens or 0 for a in answers if a.called),
        cached_tokens=budget.cached,
        usd=budget.usd,
        priced=budget.priced,
        models=tuple(dict.fromkeys(a.model for a in answers)),
    )


def _parts(events: Sequence[Event], answers: Sequence[Answer]) -> tuple[Part, ...]:
    asked = Part("waiting for replies, all calls added up", sum(_seconds(a.seconds) for a in answers), 0.0)
    judged = Part("sandbox and pre-flight", _until(events, "verdict"), _until(events, "baseline"))
    search, final = _clocks(events, False), _clocks(events, True)
    names = dict.fromkeys([*search, *final])
    trained = [Part(_CLOCKS.get(name, name), search.get(name, 0.0), final.get(name, 0.0)) for name in names]
    return tuple(part for part in (asked, judged, *trained) if part.seconds > 0)


def _until(events: Sequence[Event], kind: str) -> float:
    """s that passed from the event before until each of a kind."""
    spent = 0.0
    for before, event in itertools.pairwise(events):
        begun, ended = _time(before), _time(event)
        if event["event"] == kind and begun is not None and ended is not None:
            spent += max(0.0, ended - begun)
    return spent


def _clocks(events: Sequence[Event], final: bool) -> dict[str, float]:
    """The trainer's clocks, added up over trainings of the search, or of the final comparison."""
    clocks: dict[str, float] = {}
    for event in events:
        if event["event"] == "trained" and str(event["training"]).startswith("final") is final:
            for name, seconds in dict(event.get("seconds") or {}).items():
                clocks[str(name)] = clocks.get(str(name), 0.0) + _seconds(seconds)
    return clocks


def _time(event: Event) -> float | None:
    found = _seconds(event.get("time"))
    return found if found > 0 else None


def _seconds(value: Any) -> float:
    """A journal's number, which may be anything."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LATEST
    return float(value) if known and math.isfinite(value) else 0.0
