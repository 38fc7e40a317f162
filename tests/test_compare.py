"""What a final table may say, with numbers worked out by hand."""

from __future__ import annotations

import pytest
from test_prompt import trained

from eureka.candidate import Failed
from eureka.compare import Arm, Comparison, arm_of, comparison, human_normalised, interval, probability_of_improvement

LOST = Failed(stage="train", message="NaN")


def arm(name: str, *fitness: float, lost: int = 0) -> Arm:
    return arm_of(name, [*[trained().model_copy(update={"report": f}) for f in fitness], *[LOST] * lost])


def of(evolved: Arm, human: Arm, sparse: Arm) -> Comparison:
    return comparison({"evolved": evolved, "human": human, "sparse": sparse})


def test_an_interval_is_students():
    # mean 2, s = 1, t(2) = 4.303: 2 +- 4.303 / sqrt(3)
    found = interval([1.0, 2.0, 3.0])
    assert (found.low, found.mean, found.high) == pytest.approx((2 - 2.4843, 2, 2 + 2.4843), abs=1e-3)
    assert interval([5.0] * 4).low == interval([5.0] * 4).high == 5.0


def test_intervals_of_three_values_cover_the_mean_nineteen_times_in_twenty():
    import random

    chance = random.Random(0)
    found = [interval([chance.gauss(0, 1) for _ in range(3)]) for _ in range(2000)]
    assert sum(i.low <= 0 <= i.high for i in found) / 2000 == pytest.approx(0.95, abs=0.015)


def test_wins_ties_and_losses_are_told_apart():
    low, high, wide = (arm("x", *v) for v in ((1.0, 1.1, 0.9), (9.0, 9.1, 8.9), (0.0, 5.0, 10.0)))
    assert of(high, low, low).verdict == "win"
    assert of(low, high, low).verdict == "loss"
    assert of(wide, low, low).verdict == "tie"


def test_nothing_is_concluded_from_one_seed():
    c = of(arm("evolved", 0.51), arm("human", 0.50), arm("sparse", 0.49))
    assert (c.verdict, c.normalised, c.improvement) == ("not defined", None, None)
    assert c.arms[0].mean == 0.51 and c.arms[0].interval is None


def test_nothing_is_concluded_where_seeds_were_lost():
    c = of(arm("evolved", 9.0, 9.1, lost=1), arm("human", 1.0, 1.1, 1.2), arm("sparse", 0.0, 0.1, 0.2))
    assert (c.verdict, c.normalised, c.improvement) == ("not defined", None, None)
    assert c.arms[0].failures == ["failed: train: NaN"]


def test_the_human_normalised_score_is_the_papers():
    # (5 - 1) / |3 - 1| = 2, and the sign of the denominator does not matter
    human, sparse = interval([3.0, 3.0]), interval([1.0, 1.0])
    assert human_normalised(5.0, human, sparse) == 2.0
    assert human_normalised(5.0, sparse, human) == 1.0
    assert human_normalised(5.0, interval([1.0, 2.0]), sparse) is None, "human and sparse cannot be told apart"


def test_the_probability_of_improvement_counts_pairs_and_ties_as_halves():
    # 3 > 1, 3 > 2, 2 > 1, 2 = 2: (3 + 0.5) / 4
    assert probability_of_improvement([3.0, 2.0], [1.0, 2.0]) == 0.875
