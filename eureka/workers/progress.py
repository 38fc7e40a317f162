"""Progress of a training that is split into shares and halved, merged into one report."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from eureka.runs.candidate import Failed, Outcome
from eureka.runs.events import Notice, OnProgress, Progressed, RungReached, TrainingProgress


class ProgressAggregator:
    """Sums the reports of all shares."""

    def __init__(self, display: OnProgress, total: int, iterations: int, steps: int):
        """`total` is the work in iterations of all members, `iterations` that of one; `steps` those of an iteration."""
        self._display, self._total, self._iterations, self._steps = display, total, iterations, steps
        self._lock = threading.Lock()
        self._latest: dict[tuple[int, ...], TrainingProgress] = {}
        self._members: list[int] = []
        self._begun = self._end = self._rest = self._done = 0

    def begin(self, members: list[int], begun: int, end: int, rest: int) -> None:
        """These members train next, from iteration `begun` to `end`, and then `rest` iterations of members are left."""
        self._done += sum(report.steps for report in self._latest.values())
        self._latest.clear()
        self._members, self._begun, self._end, self._rest = members, begun, end, rest

    def raced(self, fitness: Mapping[int, float], dropped: Sequence[int]) -> None:
        """A rung was reached: the mean fitness of candidates by their first member, and the members dropped."""
        self._display(RungReached(self._end * self._steps, dict(fitness), tuple(dropped)))

    def ended(self, members: list[int], outcomes: Sequence[Outcome]) -> None:
        """A share had been trained before the run was interrupted."""
        fitness = [None if isinstance(o, Failed) else o.selection for o in outcomes]
        with self._lock:
            self._latest[tuple(members)] = TrainingProgress(self._end, self._end, 0, 0, {}, fitness)

    def __call__(self, event: Progressed | RungReached | Notice) -> None:
        with self._lock:
            if isinstance(event, Progressed):
                others = {m: r for m, r in self._latest.items() if not set(m) & set(event.members)}
                self._latest = others | {event.members: event.report}
                event = Progressed(tuple(self._members), self._merge())
            self._display(event)

    def _merge(self) -> TrainingProgress:
        reports = self._latest.values()
        known = [member for members in self._latest for member in members]
        left = (len(self._members) - len(known)) * (self._end - self._begun) * self._steps
        left += sum(report.steps_left for report in reports) + self._rest * self._steps
        fitness = {m: f for members, r in self._latest.items() for m, f in zip(members, r.fitness, strict=True)}
        parts = {name: None for report in reports for name in report.clocks}
        return TrainingProgress(
            iteration=round(self._iterations * (1 - left / (self._total * self._steps))),
            iterations=self._iterations,
            steps=self._done + sum(report.steps for report in reports),
            steps_left=left,
            clocks={name: sum(report.clocks.get(name, 0.0) for report in reports) for name in parts},
            fitness=[fitness.get(m) for m in self._members],
        )
