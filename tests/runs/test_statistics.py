"""What a few seeds allow to say, with numbers worked out by hand and against recorded outputs of rliable."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from eureka.runs.statistics import (
    LOOK_LEVEL,
    LOOKS,
    bootstrap,
    human_normalised,
    improvement,
    interquartile_mean,
    mean,
    quantile,
    seeds_to_decide,
    student,
    welch,
)

RECORDED = json.loads((Path(__file__).parents[1] / "recorded" / "rliable.json").read_text())["cases"]


def by_task(runs: list[list[float]]) -> list[list[float]]:
    return [list(task) for task in zip(*runs, strict=True)]


@pytest.fixture(params=RECORDED)
def case(request: pytest.FixtureRequest) -> dict:
    found = dict(RECORDED[request.param])
    return found | {"x": by_task(found["x"]), "y": by_task(found["y"])}


def test_aggregates_are_rliables(case: dict):
    assert mean(case["x"]) == pytest.approx(case["mean"])
    assert interquartile_mean(case["x"]) == pytest.approx(case["iqm"])
    assert improvement(case["x"], case["y"]) == pytest.approx(case["improvement"])


def test_bootstrap_intervals_are_rliables(case: dict):
    for statistic, name in ((mean, "mean"), (interquartile_mean, "iqm")):
        low, high = case[f"{name}_interval"]
        # two resamplings differ by chance: by a few hundredths of the width
        near = pytest.approx((low, high), abs=0.05 * (high - low))
        assert bootstrap(statistic, case["x"], resamples=3000) == near
    low, high = case["improvement_interval"]
    assert bootstrap(improvement, case["x"], case["y"], resamples=1000) == pytest.approx((low, high), abs=0.06)


def test_the_interquartile_mean_leaves_a_quarter_out_at_each_end():
    # 8 values: two go at each end, (3 + 4 + 5 + 6) / 4;  5 values: one at each end
    assert interquartile_mean([[1, 2, 3, 4], [5, 6, 7, 100]]) == 4.5
    assert interquartile_mean([[100, 1, 2, 3, -50]]) == 2.0
    assert interquartile_mean([[1, 2, 6]]) == 3.0


def test_the_same_scores_give_the_same_interval():
    assert bootstrap(mean, [[1.0, 2.0, 4.0]]) == bootstrap(mean, [[1.0, 2.0, 4.0]])


def test_an_interval_is_students():
    # mean 2, s = 1, t(2) = 4.303: 2 +- 4.303 / sqrt(3)
    found = student([1.0, 2.0, 3.0])
    assert (found.low, found.mean, found.high) == pytest.approx((2 - 2.4843, 2, 2 + 2.4843), abs=1e-3)
    assert student([5.0] * 4).low == student([5.0] * 4).high == 5.0


@pytest.mark.parametrize(
    ("freedom", "level", "expected"),
    # from the tables of Abramowitz and Stegun (1964), 26.10
    [(1, 0.95, 12.706), (2, 0.95, 4.303), (4, 0.95, 2.776), (9, 0.95, 2.262), (30, 0.95, 2.042), (120, 0.95, 1.980),
     (1, 0.5, 1.0), (5, 0.99, 4.032), (10, 0.8, 1.372), (60, 0.98, 2.390)],
)  # fmt: skip
def test_quantiles_are_those_of_the_tables(freedom: int, level: float, expected: float):
    assert quantile(level, freedom) == pytest.approx(expected, abs=6e-4)


def test_the_seeds_that_decide_find_the_difference_four_times_in_five():
    chance = np.random.default_rng(0)
    needed = seeds_to_decide([1.0, 2.0, 3.0, 4.0, 5.0], [2.5, 3.5, 4.5, 5.5, 6.5])
    assert needed is not None
    drawn = [chance.normal(middle, 2.5**0.5, size=(1000, needed)).tolist() for middle in (0.0, 1.5)]
    found = [welch(a, b, LOOK_LEVEL) for a, b in zip(*drawn, strict=True)]
    assert sum(i.high < 0.0 for i in found) / 1000 == pytest.approx(0.8, abs=0.04)
    assert seeds_to_decide([1.0, 2.0], [1.0, 2.0]) is None


def test_three_looks_together_are_wrong_once_in_twenty():
    chance = np.random.default_rng(1)
    a, b = chance.normal(size=(2, 1500, LOOKS[-1])).tolist()
    wrong = 0
    for mine, theirs in zip(a, b, strict=True):
        looks = [welch(mine[:n], theirs[:n], LOOK_LEVEL) for n in LOOKS]
        wrong += any(i.low > 0.0 or i.high < 0.0 for i in looks)
    assert wrong / 1500 == pytest.approx(0.05, abs=0.015)


def test_intervals_of_three_values_cover_the_mean_nineteen_times_in_twenty():
    chance = random.Random(0)
    found = [student([chance.gauss(0, 1) for _ in range(3)]) for _ in range(2000)]
    assert sum(i.low <= 0 <= i.high for i in found) / 2000 == pytest.approx(0.95, abs=0.015)


def test_the_probability_of_improvement_counts_pairs_and_ties_as_halves():
    # 3 > 1, 3 > 2, 2 > 1, 2 = 2: (3 + 0.5) / 4
    assert improvement([[3.0, 2.0]], [[1.0, 2.0]]) == 0.875


def test_the_human_normalised_score_is_the_papers():
    # (5 - 1) / |3 - 1| = 2, and the sign of the denominator does not matter
    human, sparse = student([3.0, 3.0]), student([1.0, 1.0])
    assert human_normalised(5.0, human, sparse) == 2.0
    assert human_normalised(5.0, sparse, human) == 1.0
    assert human_normalised(5.0, student([1.0, 2.0]), sparse) is None, "human and sparse cannot be told apart"


def test_the_interval_of_a_difference_is_welchs():
    # variances 1 / 3 and (20 / 3) / 4 of the means; 2^2 / ((1 / 9) / 2 + (25 / 9) / 3) = 4.08 degrees of freedom
    found = welch([1.0, 2.0, 3.0], [2.0, 4.0, 6.0, 8.0])
    reach = 2.776445 * 2**0.5
    assert (found.mean, found.low, found.high) == pytest.approx((-3.0, -3.0 - reach, -3.0 + reach))


def test_the_interval_of_a_difference_of_equal_spreads_is_the_two_sample_ts():
    values = [3.0, 1.0, 4.0, 1.0, 5.0]
    found = welch(values, values)
    # 8 degrees of freedom; the variance of five values is 3.2
    reach = 2.306004 * (2 * 3.2 / 5) ** 0.5
    assert (found.low, found.high) == pytest.approx((-reach, reach))
    assert welch([2.0, 2.0], [1.0, 1.0]).model_dump() == {"mean": 1.0, "low": 1.0, "high": 1.0}
