"""What a few seeds allow to say. Tests hold the aggregates against outputs of rliable (Agarwal et al. 2021)."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence

import numpy as np

from eureka.runs.results import Interval

_STUDENT = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
    2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
"""Two-sided 95 % quantiles of Student's t for 1, 2, ... degrees of freedom."""
RESAMPLES = 10_000

Scores = Sequence[Sequence[float]]  # a score for each run, by task; tasks may have different numbers of runs


def student(values: Sequence[float]) -> Interval:
    """A 95 % interval, mean +- t s / sqrt(n), of two values or more; bootstraps of three to five cover only 80 %."""
    mean, n = statistics.fmean(values), len(values)
    reach = _STUDENT[min(n - 1, len(_STUDENT)) - 1] * statistics.stdev(values) / math.sqrt(n)
    return Interval(mean=mean, low=mean - reach, high=mean + reach)


def welch(a: Sequence[float], b: Sequence[float]) -> Interval:
    """A 95 % interval of mean(a) - mean(b), two values or more each (Welch 1947, degrees of freedom rounded down)."""
    of_a, of_b = statistics.variance(a) / len(a), statistics.variance(b) / len(b)
    difference, square = statistics.fmean(a) - statistics.fmean(b), of_a + of_b
    if square == 0.0:
        return Interval(mean=difference, low=difference, high=difference)
    freedom = int(square**2 / (of_a**2 / (len(a) - 1) + of_b**2 / (len(b) - 1)) + 1e-9)
    reach = _STUDENT[min(freedom, len(_STUDENT)) - 1] * math.sqrt(square)
    return Interval(mean=difference, low=difference - reach, high=difference + reach)


def mean(scores: Scores) -> float:
    """The mean over tasks of the mean over runs."""
    return statistics.fmean(statistics.fmean(runs) for runs in scores)


def interquartile_mean(scores: Scores) -> float:
    """The mean of the middle half of all runs of all tasks; a quarter, rounded down, is left out at each end."""
    ordered = sorted(score for runs in scores for score in runs)
    cut = len(ordered) // 4
    return statistics.fmean(ordered[cut : len(ordered) - cut])


def improvement(a: Scores, b: Scores) -> float:
    """The probability that a run of `a` beats one of `b`, mean over tasks of U / (n m) (Mann and Whitney 1947)."""
    of_task = []
    for runs, others in zip(a, b, strict=True):
        x, y = np.asarray(runs)[:, None], np.asarray(others)[None, :]
        of_task.append(float(((x > y) + 0.5 * (x == y)).mean()))
    return statistics.fmean(of_task)


def bootstrap(statistic: Callable[..., float], *methods: Scores, resamples: int = RESAMPLES) -> tuple[float, float]:
    """A 95 % percentile interval, resampled within each task by a fixed seed; too narrow for five runs or fewer."""
    chance = np.random.default_rng(0)
    drawn = [
        [np.asarray(runs)[chance.integers(len(runs), size=(resamples, len(runs)))] for runs in scores]
        for scores in methods
    ]
    found = [statistic(*[[runs[i] for runs in scores] for scores in drawn]) for i in range(resamples)]
    low, high = np.percentile(found, (2.5, 97.5))
    return float(low), float(high)


def human_normalised(method: float, human: Interval, sparse: Interval) -> float | None:
    """(method - sparse) / |human - sparse|, Ma et al. 2023; None where the two baselines cannot be told apart."""
    if human.low <= sparse.high and sparse.low <= human.high:
        return None
    return (method - sparse.mean) / abs(human.mean - sparse.mean)
