"""Racing: successive halving of a generation (Jamieson and Talwalkar 2016), so that losers cost less.

Everybody trains to the first rung; the better ones go on from their checkpoints to the next, and so on, and the last
ones to the end. Nobody's training is another than it would have been without the race, only shorter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from eureka.config.settings import Racing
from eureka.runs.candidate import Dropped, Outcome


def rungs(racing: Racing | None, marks: Sequence[int]) -> list[int]:
    """The iterations after which fitness decides: for each share of the training, the first evaluation from there on.

    Args:
        racing: the race, None for none.
        marks: the iterations after which policies are judged; the last one ends the training.
    """
    shares = racing.rungs if racing else ()
    found = {next(mark for mark in marks if mark >= share * marks[-1]) for share in shares}
    return sorted(found - {marks[-1]})


def going_on(racing: Racing, entered: int) -> int:
    """How many of those that entered a stretch of the race may go on from its rung: the share rounded down, or one."""
    return max(1, math.floor(racing.keep * entered + 1e-9))  # 0.58 of 50 are 29, whatever a float's last bit says


def losers(racing: Racing, standings: Mapping[int, Outcome]) -> list[int]:
    """The members that are dropped at a rung; those that have failed are out already.

    The order is by selection fitness; where that is equal, by the fitness of the episodes of training since the last
    checkpoint, which are many, and then by slot.

    Args:
        racing: the race.
        standings: of everybody who entered this stretch.
    """
    running = {member: left for member, left in standings.items() if isinstance(left, Dropped)}

    def rank(member: int) -> tuple[float, float, int]:
        in_training = running[member].curves.training_fitness[-1]
        return -running[member].selection, math.inf if in_training is None else -in_training, member

    return sorted(sorted(running, key=rank)[going_on(racing, len(standings)) :])


class Cost(NamedTuple):
    """What a training takes at most, all members together."""

    iterations: int
    evaluations: int
    """How often a policy is judged on selection episodes."""
    finishers: int
    """Members that train to the end, and are reported."""


def work(racing: Racing | None, entered: int, marks: Sequence[int], begun: int = 0) -> Cost:
    """What is left of a training, if nobody fails.

    Args:
        racing: the race, None for none.
        entered: members that train after iteration `begun`.
        marks: the iterations after which policies are judged.
        begun: where they are.
    """
    iterations = evaluations = 0
    for end in (*(rung for rung in rungs(racing, marks) if rung > begun), marks[-1]):
        iterations += entered * (end - begun)
        evaluations += entered * sum(begun < mark <= end for mark in marks)
        begun = end
        if racing and end != marks[-1]:
            entered = going_on(racing, entered)
    return Cost(iterations, evaluations, entered)
