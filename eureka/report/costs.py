"""Time and cost of a run from its journal."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from eureka.designers.budget import Budget
from eureka.runs import layout
from eureka.runs.journal import BaselineEvent, Journal, JournalEvent, TrainedEvent, VerdictEvent


@dataclass(frozen=True)
class Part:
    """Time of one kind of work in s."""

    name: str
    search: float
    final: float  # In the final comparison

    @property
    def seconds(self) -> float:
        return self.search + self.final


@dataclass(frozen=True)
class Costs:
    """Measured time in s; tokens and cost as reported by servers."""

    began: float | None  # Time of the first journal entry in s since 1970
    ended: float | None  # Time of the last one
    parts: tuple[Part, ...]
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    usd: float
    priced: bool  # Whether all calls have a price; otherwise `usd` is a lower bound
    models: tuple[str, ...]  # Sources of the replies

    @property
    def elapsed(self) -> float:
        """s from the first entry to the last, including pauses."""
        return max(0.0, self.ended - self.began) if self.began is not None and self.ended is not None else 0.0


_CLOCKS = {
    "env": "training: simulation, rewards, resets",
    "policy": "training: policy inference",
    "learning": "training: learning",
    "evaluation": "evaluation",
    "disk": "writing checkpoints",
}


def costs_of(journal: Journal) -> Costs:
    """Time and cost recorded so far."""
    answers = journal.answers()
    budget = Budget(journal.settings.asking, answers)
    return Costs(
        began=journal.events[0].time if journal.events else None,
        ended=journal.events[-1].time if journal.events else None,
        parts=_parts(journal),
        calls=budget.calls,
        prompt_tokens=sum(a.prompt_tokens or 0 for a in answers if a.called),
        completion_tokens=sum(a.completion_tokens or 0 for a in answers if a.called),
        cached_tokens=budget.cached,
        usd=budget.usd,
        priced=budget.priced,
        models=tuple(dict.fromkeys(a.model for a in answers)),
    )


def _parts(journal: Journal) -> tuple[Part, ...]:
    asked = Part("waiting for replies (sum over concurrent calls)", sum(a.seconds for a in journal.answers()), 0.0)
    judged = Part("sandbox and pre-flight", _until(journal, VerdictEvent), _until(journal, BaselineEvent))
    search, final = _clocks(journal, False), _clocks(journal, True)
    names = dict.fromkeys([*search, *final])
    trained = [Part(_CLOCKS.get(name, name), search.get(name, 0.0), final.get(name, 0.0)) for name in names]
    return tuple(part for part in (asked, judged, *trained) if part.seconds > 0)


def _until(journal: Journal, kind: type[JournalEvent]) -> float:
    """Total s between each event of a kind and the event before it."""
    pairs = itertools.pairwise(journal.events)
    return sum(max(0.0, event.time - before.time) for before, event in pairs if isinstance(event, kind))


def _clocks(journal: Journal, final: bool) -> dict[str, float]:
    """Sums of the trainer's clocks over the trainings of the search or of the final comparison."""
    clocks: dict[str, float] = {}
    for event in journal.all(TrainedEvent):
        if layout.is_final(event.training) is final:
            for name, seconds in event.seconds.items():
                clocks[name] = clocks.get(name, 0.0) + seconds
    return clocks
