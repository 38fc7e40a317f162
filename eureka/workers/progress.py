"""Progress of a training that is split into shares and halved, merged into one report."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from eureka.config.settings import Racing
from eureka.runs.candidate import Failed, Outcome
from eureka.runs.events import Notice, OnProgress, Progressed, RungReached, TrainingProgress
from eureka.workers import halving


class ProgressAggregator:
    """Sums the reports of all shares."""

    def __init__(self, display: OnProgress, race: Racing | None, marks: list[int], members: int, steps: int):
        """`marks` are the iterations with an evaluation; `steps` those of one iteration of one member."""
        self._display, self._race, self._marks, self._steps = display, race, marks, steps
        self._total = halving.work(race, members, marks).iterations
        self._lock = threading.Lock()
        self._latest: dict[tuple[int, ...], TrainingProgress] = {}
        self._members: list[int] = []
        self._begun = self._end = 0
        self._done = 0

    def begin(self, members: list[int], until: int | None) -> None:
        """These members train next, until iteration `until` or to the end."""
        self._done += sum(report.steps for report in self._latest.values())
        self._latest.clear()
        self._members, self._begun, self._end = members, self._end, until or self._marks[-1]

    def raced(self, fitness: dict[int, float], dropped: list[int]) -> None:
        self._display(RungReached(self._end * self._steps, fitness, tuple(dropped)))

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
        here = (len(self._members) - len(known)) * (self._end - self._begun) * self._steps
        here += sum(report.steps_left for report in reports)
        rest = halving.work(self._race, len(self._members), self._marks, self._begun).iterations
        left = here + (rest - len(self._members) * (self._end - self._begun)) * self._steps
        fitness = {m: f for members, r in self._latest.items() for m, f in zip(members, r.fitness, strict=True)}
        parts = {name: None for report in reports for name in report.clocks}
        return TrainingProgress(
            iteration=round(self._marks[-1] * (1 - left / (self._total * self._steps))),
            iterations=self._marks[-1],
            steps=self._done + sum(report.steps for report in reports),
            steps_left=left,
            clocks={name: sum(report.clocks.get(name, 0.0) for report in reports) for name in parts},
            fitness=[fitness.get(m) for m in self._members],
        )
