"""Do the intervals hold what they promise? Simulated from the bank of rewards.

    python benchmarks/coverage.py            # no training; about a minute

A reward's true mean is that of its trainings in the bank. Trainings are drawn in two ways: `seeds`, from the reward's
own eight, with replacement, the same seeds for both rewards of a comparison; and `noise`, its mean plus its deviation
times a standardised residual of any reward of the task, so that a draw is not one of eight values. Reported for the
intervals of a mean and of a difference: how often they contain the true value, and how often a difference is found.
Then for the estimates of a search: how often the estimate +- 1.96 standard errors contains the mean of the seeds that
were not used, whose own error is allowed for. And the level at which looks at 5, 10 and 20 seeds are wrong once in
twenty, for normal noise.
"""

from __future__ import annotations

import itertools
import math
import random
import statistics
from collections.abc import Sequence
from typing import Any

import bank
import numpy as np
from record import about, finish, parser, rounded

from eureka.runs.estimates import estimates
from eureka.runs.results import Interval
from eureka.runs.statistics import LEVEL, LOOK_LEVEL, LOOKS, student, welch

FINALISTS, VALIDATION = 3, 3


def reports(task: str) -> dict[str, list[float]]:
    """The report fitness of every training, by reward, those of people included; rewards that lack a seed left out."""
    found: dict[str, list[float]] = {}
    for one in sorted(bank.load(task)["trainings"], key=lambda t: t["seed"]):
        if "failed" not in one:
            found.setdefault(one["reward"], []).append(one["report"]["0"])
    return {name: values for name, values in found.items() if len(values) == bank.SEEDS}


def covers(interval: Interval, value: float) -> bool:
    """Whether the value lies in the interval."""
    return interval.low <= value <= interval.high


def share(hits: Sequence[bool]) -> float:
    """Of those that are true."""
    return rounded(statistics.fmean(hits), 4)


def smooth(found: dict[str, list[float]]) -> list[float]:
    """Residuals of all trainings of a task, in deviations of their reward, with mean 0 and variance 1."""
    every = []
    for values in found.values():
        middle, deviation = statistics.fmean(values), statistics.pstdev(values)
        every += [(value - middle) / deviation for value in values if deviation]
    return every


def means(found: dict[str, list[float]], seeds: int, draws: int) -> dict[str, float]:
    """Share of the intervals of a mean that contain it, by the way of drawing."""
    chance, pool = random.Random(0), smooth(found)
    own, noisy = [], []
    for values in found.values():
        truth, deviation = statistics.fmean(values), statistics.stdev(values)
        own += [covers(student(chance.choices(values, k=seeds)), truth) for _ in range(draws)]
        for _ in range(draws):
            drawn = [truth + deviation * z for z in chance.choices(pool, k=seeds)]
            noisy.append(covers(student(drawn), truth))
    return {"seeds": share(own), "noise": share(noisy)}


def welchs(found: dict[str, list[float]], seeds: int, draws: int) -> dict[str, float]:
    """Share of Welch's intervals that contain a difference, by level, with drawn noise."""
    chance, pool = random.Random(1), smooth(found)
    hits: dict[float, list[bool]] = {LEVEL: [], LOOK_LEVEL: []}
    for a, b in itertools.combinations(found.values(), 2):
        truth = statistics.fmean(a) - statistics.fmean(b)
        for _ in range(draws):
            mine, theirs = (
                [statistics.fmean(x) + statistics.stdev(x) * z for z in chance.choices(pool, k=seeds)] for x in (a, b)
            )
            for level, of in hits.items():
                of.append(covers(welch(mine, theirs, level), truth))
    return {f"{level:g}": share(of) for level, of in hits.items()}


def differences(found: dict[str, list[float]], seeds: int, draws: int) -> dict[str, Any]:
    """Coverage, power and mean width of the intervals of a difference, of independent and of paired seeds."""
    chance = random.Random(0)
    kinds = {"welch": LEVEL, "paired": LEVEL, "welch, level of a look": LOOK_LEVEL}
    hits: dict[str, list[bool]] = {kind: [] for kind in kinds}
    decided: dict[str, list[bool]] = {kind: [] for kind in kinds}
    width: dict[str, list[float]] = {kind: [] for kind in kinds}
    for a, b in itertools.combinations(found.values(), 2):
        truth = statistics.fmean(a) - statistics.fmean(b)
        for _ in range(draws):
            drawn = chance.choices(range(len(a)), k=seeds)
            if len(set(drawn)) == 1:
                continue  # one seed many times has no spread
            mine, theirs = [a[i] for i in drawn], [b[i] for i in drawn]
            for kind, level in kinds.items():
                paired = [x - y for x, y in zip(mine, theirs, strict=True)]
                interval = student(paired, level) if kind == "paired" else welch(mine, theirs, level)
                hits[kind].append(covers(interval, truth))
                decided[kind].append(not covers(interval, 0.0))
                width[kind].append(interval.high - interval.low)
    unit = statistics.fmean(width["welch"])
    return {
        kind: {
            "coverage": share(hits[kind]),
            "decided": share(decided[kind]),
            "width": rounded(statistics.fmean(width[kind]) / unit),
        }
        for kind in kinds
    }


def looks(found: dict[str, list[float]], draws: int) -> float:
    """Share of comparisons in which the intervals of all looks contain the difference."""
    chance = random.Random(0)
    hits = []
    for a, b in itertools.combinations(found.values(), 2):
        truth = statistics.fmean(a) - statistics.fmean(b)
        for _ in range(draws):
            drawn = chance.choices(range(len(a)), k=LOOKS[-1])
            if all(len(set(drawn[:n])) > 1 for n in LOOKS):
                every = [welch([a[i] for i in drawn[:n]], [b[i] for i in drawn[:n]], LOOK_LEVEL) for n in LOOKS]
                hits.append(all(covers(interval, truth) for interval in every))
    return share(hits)


def searches(found: dict[str, list[float]], draws: int) -> dict[str, float]:
    """Coverage of the estimates of all candidates and of winners, after one training each and validation."""
    chance = random.Random(0)
    everyone, winners, plain = [], [], []
    for _ in range(draws):
        orders = {name: chance.sample(values, k=len(values)) for name, values in found.items()}
        scores = {name: values[:1] for name, values in orders.items()}
        finalists = sorted(scores, key=lambda n: scores[n][0], reverse=True)[:FINALISTS]
        lucky = finalists[0]
        scores |= {name: orders[name][: 1 + VALIDATION] for name in finalists}
        found_now = estimates(scores)
        noise = statistics.fmean(statistics.variance(values) for values in orders.values())

        def holds(name: str, of=found_now, orders=orders, scores=scores, noise=noise) -> bool:
            rest = orders[name][len(scores[name]) :]
            error = math.sqrt((of[name].error or 0.0) ** 2 + noise / len(rest))
            return abs(of[name].mean - statistics.fmean(rest)) <= 1.96 * error

        everyone += [holds(name) for name in scores]
        winners.append(holds(max(found_now, key=lambda n: found_now[n].mean)))
        rest = orders[lucky][1 + VALIDATION :]
        off = orders[lucky][0] - statistics.fmean(rest)
        plain.append(abs(off) <= 1.96 * math.sqrt(noise + noise / len(rest)))
    return {
        "all candidates": share(everyone),
        "winners": share(winners),
        "best score without validation": share(plain),
    }


def look_level(draws: int) -> dict[str, float]:
    """How often at least one of the looks is wrong, for two equal rewards with normal noise."""
    chance = np.random.default_rng(0)
    a, b = chance.normal(size=(2, draws, LOOKS[-1])).tolist()
    found = {}
    for level in (LEVEL, LOOK_LEVEL):
        wrong = [any(not covers(welch(x[:n], y[:n], level), 0.0) for n in LOOKS) for x, y in zip(a, b, strict=True)]
        found[f"{level:g}"] = share(wrong)
    return found


def main() -> None:
    """Run it."""
    made = parser(__doc__ or "")
    made.add_argument("--tasks", nargs="+", default=[task for task in bank.STEPS if bank.path_of(task).exists()])
    options = made.parse_args()
    draws = 2 if options.quick else 200
    rows = {}
    for task in options.tasks:
        found = reports(task)
        pairs = max(1, 20 * draws // len(found))
        rows[task] = {
            "rewards": len(found),
            "mean": {n: means(found, n, 10 * draws) for n in LOOKS[:2]},
            "difference": {n: differences(found, n, pairs // 10 or 1) for n in LOOKS[:2]},
            "difference with noise": {n: welchs(found, n, pairs // 10 or 1) for n in LOOKS[:2]},
            "all looks": looks(found, pairs // 10 or 1),
            "search": searches(found, 5 * draws),
        }
    finish(about("coverage") | {"rows": rows, "wrong at least once": look_level(50 * draws)}, options)


if __name__ == "__main__":
    main()
