"""Progress of a training whose members are cut into shares, and raced, as one report."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from eureka.config.settings import Racing
from eureka.runs.candidate import Failed, Outcome
from eureka.runs.events import Notice, OnProgress, Progressed, RungReached
from eureka.workers import halving


class ProgressAggregator:
    """Reports of all shares, added up."""

    def __init__(self, tell: OnProgress, race: Racing | None, marks: list[int], members: int, steps: int):
        """Add up for a training of so many members; `steps` are the world-steps of an iteration of one of them."""
        self._tell, self._race, self._marks, self._steps = tell, race, marks, steps
        self._total = halving.work(race, members, marks).iterations
        self._lock = threading.Lock()
        self._latest: dict[tuple[int, ...], dict[str, Any]] = {}
        self._members: list[int] = []
        self._begun = self._end = 0
        self._done = 0

    def begin(self, members: list[int], until: int | None) -> None:
        """These members train next, until that iteration or to the end."""
        self._done += sum(report["steps"] for report in self._latest.values())
        self._latest.clear()
        self._members, self._begun, self._end = members, self._end, until or self._marks[-1]

    def raced(self, fitness: dict[int, float], dropped: list[int]) -> None:
        """A rung is reached."""
        self._tell(RungReached(self._end * self._steps, fitness, tuple(dropped)))

    def ended(self, members: list[int], outcomes: Sequence[Outcome]) -> None:
        """A share was trained before the run was interrupted."""
        fitness = [None if isinstance(o, Failed) else o.selection for o in outcomes]
        with self._lock:
            self._latest[tuple(members)] = {"steps": 0, "steps_left": 0, "clocks": {}, "fitness": fitness}

    def __call__(self, event: Progressed | RungReached | Notice) -> None:
        with self._lock:
            if isinstance(event, Progressed):
                apart = {m: r for m, r in self._latest.items() if not set(m) & set(event.members)}
                self._latest = apart | {event.members: event.report}
                event = Progressed(tuple(self._members), self._report())
            self._tell(event)

    def _report(self) -> dict[str, Any]:
        reports = self._latest.values()
        known = [member for members in self._latest for member in members]
        here = (len(self._members) - len(known)) * (self._end - self._begun) * self._steps
        here += sum(report["steps_left"] for report in reports)
        rest = halving.work(self._race, len(self._members), self._marks, self._begun).iterations
        later = (rest - len(self._members) * (self._end - self._begun)) * self._steps
        fitness = {
            m: f for members, report in self._latest.items() for m, f in zip(members, report["fitness"], strict=True)
        }
        left = here + later
        return {
            "iteration": round(self._marks[-1] * (1 - left / (self._total * self._steps))),
            "iterations": self._marks[-1],
            "steps": self._done + sum(report["steps"] for report in reports),
            "steps_left": left,
            "clocks": {
                name: sum(report["clocks"].get(name, 0.0) for report in reports)
                for name in {name: None for report in reports for name in report["clocks"]}
            },
            "fitness": [fitness.get(m) for m in self._members],
        }
