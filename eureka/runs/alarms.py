"""Signs that a number does not mean what it seems to mean. An alarm is a sentence for people; nothing acts on it."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence

from eureka.runs.candidate import Candidate, Trained
from eureka.runs.results import Interval
from eureka.text import number, shown

_RISE, _FLAT = 3.0, 1.0  # by `_rise`, a curve rose above, is flat below; for about ten checkpoints
_DOMINATES = 0.95  # share of the sum of the components' sizes
_DIVERGED = 1e-4  # share of world-steps
_TOGETHER = 0.9  # correlation at which fitness goes with the length of episodes
_NOISE = 2.0  # standard errors that two scores may lie apart


def of_training(trained: Trained) -> list[str]:
    """What is suspicious about one training."""
    found = [*_flat_fitness(trained), *_components(trained), *_survival(trained)]
    share = trained.diverged / max(1, trained.steps)
    if share > _DIVERGED:
        found.append(f"physics diverged in {share:.2%} of the world-steps: the reward may exploit the simulator")
    return found


def of_trainings(trainings: Sequence[Trained]) -> list[str]:
    """What is suspicious about most trainings of one reward, in the words of the first that shows it."""
    found: dict[str, list[str]] = {}
    for alarms in map(of_training, trainings):
        for alarm in alarms:
            # Without its numbers, which differ between seeds, an alarm is the same one.
            found.setdefault("".join(c for c in alarm if not c.isdigit() and c not in "-.%e+"), []).append(alarm)
    return [alarms[0] for alarms in found.values() if 2 * len(alarms) > len(trainings)]


def of_winner(winner: Candidate, final: Interval | None) -> list[str]:
    """Whether fresh seeds bear out what a search found; `final` is the interval of their mean."""
    trained, estimate = winner.trained, winner.estimate
    if final is None or trained is None or estimate is None or len(trained.report_episodes) < 2:
        return []
    # Without a second training, only the noise of the episodes is known.
    error = estimate.error or statistics.stdev(trained.report_episodes) / math.sqrt(len(trained.report_episodes))
    if final.high >= estimate.mean - _NOISE * error:
        return []
    return [
        f"the winner is estimated at {estimate} and has {number(final.mean)} on the final seeds "
        f"({number(final.low)} .. {number(final.high)}): the search picked a lucky training"
    ]


def _flat_fitness(trained: Trained) -> list[str]:
    curves = trained.curves
    if len(curves.fitness) < 4 or _rise(curves.total) < _RISE or _rise(curves.fitness) >= _FLAT:
        return []
    first, last = _ends(curves.total)
    return [
        f"the reward rose from {number(first)} to {number(last)} a step while the fitness did not: "
        "it rewards something else"
    ]


def _components(trained: Trained) -> list[str]:
    curves, found = trained.curves, []
    sizes = {name: statistics.fmean(map(abs, values)) for name, values in curves.components.items() if values}
    for name in sizes if len(curves.fitness) > 1 or len(trained.report_episodes) > 1 else ():
        if max(curves.greatest[name]) - min(curves.least[name]) <= 1e-6 * max(1.0, sizes[name]):
            found.append(f"the component {shown(name)} never varies, so it gives no direction to learn in")
    whole = sum(sizes.values())
    for name, size in sizes.items():
        if len(sizes) > 1 and size > _DOMINATES * whole > 0:
            found.append(f"the component {shown(name)} is {size / whole:.0%} of the reward; the others hardly count")
    return found


def _survival(trained: Trained) -> list[str]:
    """Fitness that grew because episodes grew, each step being worth what it was worth at first."""
    pairs = [
        (fitness, length)
        for fitness, length in zip(trained.curves.training_fitness, trained.curves.episode_length, strict=True)
        if fitness is not None and length
    ]
    if len(pairs) < 4 or any(fitness < 0 for fitness, _ in pairs):
        return []  # a loss spread over a longer episode is less a step, whatever was learned
    lengths = [length for _, length in pairs]
    worth = [fitness / length for fitness, length in pairs]
    if max(worth) - min(worth) <= 1e-6 * max(1.0, abs(worth[0])):
        return []  # the task's fitness is the length, or nothing
    grew = lengths[-1] > 1.5 * lengths[0]
    same = abs(worth[-1]) <= 1.1 * abs(worth[0])
    fitness = [value for value, _ in pairs]
    if not (grew and same and _varies(fitness) and statistics.correlation(fitness, lengths) > _TOGETHER):
        return []
    return [
        f"fitness grew with the length of episodes alone ({number(lengths[0])} to {number(lengths[-1])} steps): "
        "the policy learned to survive, not to do the task better"
    ]


def _varies(values: Sequence[float]) -> bool:
    return max(values) > min(values)


def _ends(values: Sequence[float]) -> tuple[float, float]:
    third = max(1, len(values) // 3)
    return statistics.fmean(values[:third]), statistics.fmean(values[-third:])


def _rise(values: Sequence[float]) -> float:
    """From the first third to the last, in units of the curve's unrest; 0 for one that never moves."""
    first, last = _ends(values)
    steps = [b - a for a, b in itertools.pairwise(values)]
    unrest = statistics.pstdev(steps) / math.sqrt(2)
    if unrest > 0:
        return (last - first) / unrest
    return math.copysign(math.inf, last - first) if last != first else 0.0
