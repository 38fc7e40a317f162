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


class Stretch(NamedTuple):
    """Training up to a rung, or to the end."""

    end: int  # iteration
    seeds: int  # trainings of each candidate


def stretches(racing: Racing | None, seeds: int, marks: Sequence[int]) -> list[Stretch]:
    """The rungs, then the end. A rung is at the first of `marks`, which have an evaluation, at or after its share."""
    found = {}
    for number, share in enumerate(racing.rungs if racing else ()):
        assert racing is not None
        found[next(mark for mark in marks if mark >= share * marks[-1])] = min(racing.trainings(number), seeds)
    found.pop(marks[-1], None)
    return [*(Stretch(end, found[end]) for end in sorted(found)), Stretch(marks[-1], seeds)]


def survivors(racing: Racing, entered: int) -> int:
    """How many of `entered` candidates continue after a rung: the share rounded down, and at least one."""
    return max(1, math.floor(racing.keep * entered + 1e-9))  # 0.58 of 50 is 29, also with rounding error


def losers(racing: Racing, standings: Mapping[int, Sequence[Outcome]]) -> list[int]:
    """The candidates dropped at a rung, without those that failed; of equals, those with worse metrics."""
    fitness = fitness_at(standings)

    def key(candidate: int) -> tuple[float, tuple[float, ...], int]:
        merits = [o.merit for o in standings[candidate] if isinstance(o, Dropped)]
        return -fitness[candidate], tuple(-statistics.fmean(of) for of in zip(*merits, strict=True)), candidate

    ranked = sorted(fitness, key=key)
    return sorted(ranked[survivors(racing, len(standings)) :])


def fitness_at(standings: Mapping[int, Sequence[Outcome]]) -> dict[int, float]:
    """What ranks the candidates of which no training failed: the mean of their trainings.

    It is the fitness of the episodes of training that ended since the checkpoint before, which are many and come from
    many policies; or, if in some training none ended, selection fitness for all.
    """
    running = {
        candidate: trainings
        for candidate, outcomes in standings.items()
        if len(trainings := [o for o in outcomes if isinstance(o, Dropped)]) == len(outcomes)
    }
    practice = {c: [o.curves.training_fitness[-1] for o in trainings] for c, trainings in running.items()}
    known = {c: [v for v in values if v is not None] for c, values in practice.items()}
    if any(len(known[c]) < len(trainings) for c, trainings in running.items()):
        known = {c: [o.selection for o in trainings] for c, trainings in running.items()}
    return {c: statistics.fmean(values) for c, values in known.items()}


class Cost(NamedTuple):
    """Upper bound on the work of a generation, over all trainings."""

    iterations: int
    evaluations: int  # of a policy on selection episodes
    finishers: int  # trainings to the end, which are evaluated on report episodes


def work(racing: Racing | None, seeds: int, candidates: int, marks: Sequence[int], done: int = 0) -> Cost:
    """The work of all stretches but the first `done`, if `candidates` enter them and no training fails."""
    every = stretches(racing, seeds, marks)
    iterations = evaluations = 0
    before = every[done - 1] if done else Stretch(0, 0)
    for stretch in every[done:]:
        for trainings, start in ((before.seeds, before.end), (stretch.seeds - before.seeds, 0)):
            iterations += candidates * trainings * (stretch.end - start)
            evaluations += candidates * trainings * sum(start < mark <= stretch.end for mark in marks)
        if racing and stretch.end != marks[-1]:
            candidates = survivors(racing, candidates)
        before = stretch
    return Cost(iterations, evaluations, candidates * seeds)
