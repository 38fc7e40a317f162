"""Successive halving of a generation (Jamieson and Talwalkar 2016): only the better members train beyond each rung."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from eureka.config.settings import Racing
from eureka.runs.candidate import Dropped, Outcome


def rungs(racing: Racing | None, marks: Sequence[int]) -> list[int]:
    """The iterations with a rung: the first of `marks`, which have an evaluation, at or after each share."""
    shares = racing.rungs if racing else ()
    found = {next(mark for mark in marks if mark >= share * marks[-1]) for share in shares}
    return sorted(found - {marks[-1]})


def survivors(racing: Racing, entered: int) -> int:
    """How many of `entered` members continue after a rung: the share rounded down, and at least one."""
    return max(1, math.floor(racing.keep * entered + 1e-9))  # 0.58 of 50 is 29, also with rounding error


def losers(racing: Racing, standings: Mapping[int, Outcome]) -> list[int]:
    """The members dropped at a rung, without failed ones.

    They are ranked by selection fitness, then by that of training episodes since the last checkpoint, then by slot.
    """
    running = {member: left for member, left in standings.items() if isinstance(left, Dropped)}

    def rank(member: int) -> tuple[float, float, int]:
        in_training = running[member].curves.training_fitness[-1]
        return -running[member].selection, math.inf if in_training is None else -in_training, member

    return sorted(sorted(running, key=rank)[survivors(racing, len(standings)) :])


class Cost(NamedTuple):
    """Upper bound on the work of a training, over all members."""

    iterations: int
    evaluations: int  # of a policy on selection episodes
    finishers: int  # members that train to the end and are evaluated on report episodes


def work(racing: Racing | None, entered: int, marks: Sequence[int], begun: int = 0) -> Cost:
    """The remaining work if no member fails: `entered` members train after `begun`, with evaluations at `marks`."""
    iterations = evaluations = 0
    for end in (*(rung for rung in rungs(racing, marks) if rung > begun), marks[-1]):
        iterations += entered * (end - begun)
        evaluations += entered * sum(begun < mark <= end for mark in marks)
        begun = end
        if racing and end != marks[-1]:
            entered = survivors(racing, entered)
    return Cost(iterations, evaluations, entered)
