"""The schedule of a generation: successive halving (Jamieson and Talwalkar 2016) over trainings and seeds.

At each rung every remaining candidate has some trainings, on different seeds, up to a share of the steps; only the
better candidates continue. After the last rung, all trainings go to the end.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from eureka.config.settings import Racing
from eureka.runs.candidate import Dropped, Outcome


class Stage(NamedTuple):
    """Training up to a rung, or to the end."""

    end: int  # iteration
    seeds: int  # trainings of each candidate


def stages(racing: Racing | None, seeds: int, marks: Sequence[int]) -> list[Stage]:
    """The rungs, then the end. A rung is at the first of `marks`, which have an evaluation, at or after its share."""
    found = {}
    for number, share in enumerate(racing.rungs if racing else ()):
        assert racing is not None
        found[next(mark for mark in marks if mark >= share * marks[-1])] = min(racing.trainings(number), seeds)
    found.pop(marks[-1], None)
    return [*(Stage(end, found[end]) for end in sorted(found)), Stage(marks[-1], seeds)]


def survivors(racing: Racing, entered: int) -> int:
    """How many of `entered` candidates continue after a rung: the share rounded down, and at least one."""
    return max(1, math.floor(racing.keep * entered + 1e-9))  # 0.58 of 50 is 29, also with rounding error


def losers(racing: Racing, standings: Mapping[int, Sequence[Outcome]]) -> list[int]:
    """The candidates dropped at a rung, without those of which a training failed.

    They are ranked by selection fitness, then by that of training episodes since the last checkpoint, as means over
    their trainings; then by number.
    """
    running = {
        candidate: trainings
        for candidate, outcomes in standings.items()
        if len(trainings := [o for o in outcomes if isinstance(o, Dropped)]) == len(outcomes)
    }

    def rank(candidate: int) -> tuple[float, float, int]:
        trainings = running[candidate]
        in_training = [o.curves.training_fitness[-1] for o in trainings]
        known = [-value for value in in_training if value is not None]
        later = statistics.fmean(known) if len(known) == len(trainings) else math.inf
        return -statistics.fmean(o.selection for o in trainings), later, candidate

    return sorted(sorted(running, key=rank)[survivors(racing, len(standings)) :])


class Cost(NamedTuple):
    """Upper bound on the work of a generation, over all trainings."""

    iterations: int
    evaluations: int  # of a policy on selection episodes
    finishers: int  # trainings to the end, which are evaluated on report episodes


def work(racing: Racing | None, seeds: int, candidates: int, marks: Sequence[int], done: int = 0) -> Cost:
    """The work of all stages but the first `done`, if `candidates` enter them and no training fails."""
    every = stages(racing, seeds, marks)
    iterations = evaluations = 0
    before = every[done - 1] if done else Stage(0, 0)
    for stage in every[done:]:
        for trainings, start in ((before.seeds, before.end), (stage.seeds - before.seeds, 0)):
            iterations += candidates * trainings * (stage.end - start)
            evaluations += candidates * trainings * sum(start < mark <= stage.end for mark in marks)
        if racing and stage.end != marks[-1]:
            candidates = survivors(racing, candidates)
        before = stage
    return Cost(iterations, evaluations, candidates * seeds)
