"""What a few seeds allow to say. Tests hold the aggregates against outputs of rliable (Agarwal et al. 2021)."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence

import numpy as np

from eureka.runs.results import Interval

RESAMPLES = 10_000

Scores = Sequence[Sequence[float]]  # a score for each run, by task; tasks may have different numbers of runs


LEVEL = 0.95
LOOKS = (5, 10, 20)
"""Numbers of seeds at which a comparison may be looked at, one after the other."""
LOOK_LEVEL = 0.9775
"""Level of the interval of a difference at each look.

All intervals of the looks hold together with at least 95 % (Pocock 1977; found by `benchmarks/coverage.py`).
"""


def quantile(level: float, freedom: int) -> float:
    """Two-sided quantile of Student's t: the value that |t| stays below with probability `level`."""
    low, high = 0.0, 1.0
    while _within(high, freedom) < level:
        high *= 2.0
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if _within(middle, freedom) < level else (low, middle)
    return high


def _within(t: float, freedom: int) -> float:
    """P(|T| < t) of Student's t (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4)."""
    angle = math.atan(t / math.sqrt(freedom))
    sine, square = math.sin(angle), math.cos(angle) ** 2
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = term if freedom > 1 or not odd else 0.0
    for k in range(2 + odd, freedom - 1, 2):
        term *= square * (k - 1) / k
        total += term
    return (angle + sine * total) * 2.0 / math.pi if odd else sine * total


def student(values: Sequence[float], level: float = LEVEL) -> Interval:
    """Mean +- t s / sqrt(n) of two values or more; bootstraps of three to five cover only 80 %."""
    mean, n = statistics.fmean(values), len(values)
    reach = quantile(level, n - 1) * statistics.stdev(values) / math.sqrt(n)
    return Interval(mean=mean, low=mean - reach, high=mean + reach)


def welch(a: Sequence[float], b: Sequence[float], level: float = LEVEL) -> Interval:
    """Interval of mean(a) - mean(b), two values or more each (Welch 1947, degrees of freedom rounded down)."""
    of_a, of_b = statistics.variance(a) / len(a), statistics.variance(b) / len(b)
    difference, square = statistics.fmean(a) - statistics.fmean(b), of_a + of_b
    if square == 0.0:
        return Interval(mean=difference, low=difference, high=difference)
    freedom = int(square**2 / (of_a**2 / (len(a) - 1) + of_b**2 / (len(b) - 1)) + 1e-9)
    reach = quantile(level, freedom) * math.sqrt(square)
    return Interval(mean=difference, low=difference - reach, high=difference + reach)


def seeds_to_decide(
    a: Sequence[float], b: Sequence[float], level: float = LOOK_LEVEL, power: float = 0.8
) -> int | None:
    """Seeds of each with which a difference as large as the observed one is found with probability `power`.

    Two values or more each. None if the means are equal, or it would take more than 10,000.
    """
    difference, noise = statistics.fmean(a) - statistics.fmean(b), statistics.variance(a) + statistics.variance(b)
    if not difference:
        return None
    n = 2
    while n <= 10_000:
        # The t quantiles depend on n, so the formula is applied until it agrees with itself.
        reach = quantile(level, 2 * (n - 1)) + quantile(2.0 * power - 1.0, 2 * (n - 1))
        needed = math.ceil(reach**2 * noise / difference**2)
        if needed <= n:
            return n
        n = max(n + 1, min(needed, 2 * n))
    return None


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


_FEWEST = 5  # Pairs that a rank correlation needs


def rank_correlation(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Spearman's correlation; None for fewer than five pairs, or where one side does not vary."""
    if len(a) < _FEWEST or min(a) == max(a) or min(b) == max(b):
        return None
    return statistics.correlation(_ranks(a), _ranks(b))


def _ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 0; equal values share their mean rank."""
    ordered = sorted(values)
    return [ordered.index(v) + (ordered.count(v) - 1) / 2 for v in values]
