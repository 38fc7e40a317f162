"""Time and cost of a run from its journal."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from eureka.designers.budget import Budget
from eureka.runs import layout
from eureka.runs.journal import AnswerEvent, BaselineEvent, Journal, OfTraining, TrainedEvent, VerdictEvent


@dataclass(frozen=True)
class Part:
    """Elapsed time of one kind of work in s."""

    name: str
    search: float
    final: float  # In the final comparison

    @property
    def seconds(self) -> float:
        return self.search + self.final


@dataclass(frozen=True)
class Costs:
    """Elapsed time in s, whose parts add up to the whole; tokens and cost as reported by servers."""

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
    "compile": "compiling reward programs",
}
_WAITING, _JUDGING = "waiting for replies", "sandbox and pre-flight"
_LONGEST_CHECK = 120.0  # s; a longer time before a verdict contains a pause
_LONGEST_REST = 60.0  # s; a longer time that no clock measured is a pause


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
    """The time between each two events, by kind of work. The time of a training is divided by the trainer's clocks."""
    spent: defaultdict[tuple[str, bool], float] = defaultdict(float)
    trained: defaultdict[str, float] = defaultdict(float)
    asked = list(_asked(journal))
    for before, event in itertools.pairwise(journal.events):
        waited = sum(max(0.0, min(end, event.time) - max(start, before.time)) for start, end in asked)
        left = max(0.0, event.time - before.time - waited)
        spent[_WAITING, False] += waited
        if isinstance(event, OfTraining):
            trained[event.training] += left
            continue
        final = isinstance(event, BaselineEvent)
        checked = min(left, _LONGEST_CHECK) if final or isinstance(event, VerdictEvent) else 0.0
        spent[_JUDGING, final] += checked
        spent[_rest(left - checked), final] += left - checked
    for key, whole in trained.items():
        clocks = [pair for e in journal.all(TrainedEvent, training=key) for pair in e.seconds.items()]
        total, final = sum(seconds for _, seconds in clocks), layout.is_final(key)
        share = min(1.0, whole / total) if total > 0 else 0.0  # several workers train at once
        for name, seconds in clocks:
            spent[_CLOCKS.get(name, name), final] += seconds * share
        rest = max(0.0, whole - share * total)
        spent[_rest(rest) if clocks else "training in progress", final] += rest
    names = dict.fromkeys([_WAITING, _JUDGING, *_CLOCKS.values(), *sorted({n for n, _ in spent}, reverse=True)])
    parts = [Part(name, spent[name, False], spent[name, True]) for name in names]
    return tuple(part for part in parts if part.seconds >= 0.05)


def _rest(seconds: float) -> str:
    return "pauses" if seconds > _LONGEST_REST else "not timed (starting processes, writing files)"


def _asked(journal: Journal) -> Iterator[tuple[float, float]]:
    """Times in which at least one reply was awaited."""
    calls = sorted((e.time - e.answer.seconds, e.time) for e in journal.all(AnswerEvent))
    end = -math.inf
    for start, stop in calls:
        if stop > end:
            yield max(start, end), stop
            end = stop
