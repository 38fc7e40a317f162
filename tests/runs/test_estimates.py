"""Estimates from a few noisy trainings, with numbers worked out by hand, and what they are worth in the long run."""

from __future__ import annotations

import random
import statistics

import pytest
from support.candidates import candidate, score, trained

from eureka.runs.candidate import Estimate, Failed
from eureka.runs.estimates import combined, estimates, pooled_variance, scores, with_estimates

FAILED = Failed(stage="train", message="NaN")


def of(report: float):
    return trained().model_copy(update={"report": report})


def test_without_a_second_training_of_anything_an_estimate_is_the_score():
    found = estimates({"a": [3.0], "b": [5.0]})
    assert found == {
        "a": Estimate(mean=3.0, error=None, trainings=1),
        "b": Estimate(mean=5.0, error=None, trainings=1),
    }
    assert str(found["a"]) == "3.00, 1 training" and estimates({}) == {}


def test_estimates_shrink_towards_the_mean_the_more_the_fewer_trainings_there_are():
    given = {"a": [10.0, 12.0], "b": [2.0, 4.0], "c": [16.0]}
    # pooled variance (2 + 2) / 2 = 2; the means are 11, 3 and 16 with 2, 2 and 1 trainings, their weighted mean 8.8
    assert pooled_variance(list(given.values())) == pytest.approx(2.0)
    # between: (2 * 2.2^2 + 2 * 5.8^2 + 7.2^2 - 2 * 2) / (5 - 9 / 5) = 39
    between = (2 * 2.2**2 + 2 * 5.8**2 + 7.2**2 - 4.0) / 3.2
    weights = [1 / (between + 1), 1 / (between + 1), 1 / (between + 2)]
    center = (11 * weights[0] + 3 * weights[1] + 16 * weights[2]) / sum(weights)
    found = estimates(given)
    assert found["a"].mean == pytest.approx(center + between / (between + 1) * (11 - center))
    assert found["c"].mean == pytest.approx(center + between / (between + 2) * (16 - center))
    kept = between / (between + 2)
    expected = (kept * 2 + (1 - kept) ** 2 / sum(weights)) ** 0.5
    assert found["c"].error == pytest.approx(expected), "from the pooled variance"
    assert (found["b"].trainings, found["c"].trainings) == (2, 1)
    assert str(Estimate(mean=3.9, error=0.4, trainings=3)) == "3.90 +- 0.40, 3 trainings"
    assert str(Estimate(mean=-0.1461, error=0.0203, trainings=2)) == "-0.146 +- 0.020, 2 trainings"


def test_rewards_that_cannot_be_told_apart_still_have_an_order():
    # pooled variance 6.83; between the means of 2, 2.5 and 1 less than noise would make: the floor is a quarter of it
    found = estimates({"a": [0.0, 4.0], "b": [1.0, 4.0], "c": [-1.0, 3.0]})
    noise = (8.0 + 4.5 + 8.0) / 3
    kept = 0.25 / (0.25 + 0.5)
    middle = 5.5 / 3
    assert found["b"].mean == pytest.approx(middle + kept * (2.5 - middle))
    assert found["b"].error == pytest.approx((kept * noise / 2 + (1 - kept) ** 2 * 0.75 * noise / 3) ** 0.5)


def test_equal_trainings_have_no_error():
    assert estimates({"a": [1.0, 1.0], "b": [2.0]})["b"] == Estimate(mean=2.0, error=0.0, trainings=1)
    assert estimates({"a": [1.0, 1.0]})["a"].mean == 1.0


def test_shrunken_estimates_are_closer_to_the_truth_than_means_and_their_errors_are_right():
    chance = random.Random(0)
    ours, plain, errors = [], [], []
    for _ in range(300):
        truth = {str(i): chance.gauss(0.0, 1.0) for i in range(12)}
        given = {n: [chance.gauss(t, 1.4) for _ in range(1 + int(n) % 3)] for n, t in truth.items()}
        found = estimates(given)
        ours += [(found[n].mean - t) ** 2 for n, t in truth.items()]
        plain += [(statistics.fmean(given[n]) - t) ** 2 for n, t in truth.items()]
        errors += [(found[n].error or 0.0) ** 2 for n in truth]
    assert statistics.fmean(ours) < 0.75 * statistics.fmean(plain)
    assert statistics.fmean(errors) == pytest.approx(statistics.fmean(ours), rel=0.25)


def test_a_candidate_has_the_outcome_of_its_first_training_and_all_scores():
    outcome, found = combined([of(1.0), of(2.0), None], [of(3.0)])
    assert outcome == of(1.0) and [s.report for s in found] == [1.0, 2.0, 3.0]
    assert found[0] == score(1.0, training=6.0, selection=300.0)
    assert combined([of(1.0), FAILED]) == (FAILED, ()) and combined([of(1.0)], [FAILED]) == (FAILED, ())
    assert combined([None, None]) == (None, ())


def test_a_duplicate_has_the_estimate_of_its_original_and_does_not_count_twice():
    one = candidate(slot=0, outcome=of(1.0)).model_copy(update={"scores": (score(1.0), score(3.0))})
    other = candidate(slot=1, outcome=of(9.0)).model_copy(update={"scores": (score(9.0), score(7.0))})
    twin = one.model_copy(update={"slot": 2, "duplicate_of": "1.0"})
    found = with_estimates([one, other, twin], "estimate")
    assert found[2].estimate == found[0].estimate == with_estimates([one, other], "estimate")[0].estimate
    assert with_estimates([candidate(outcome=FAILED)], "estimate")[0].estimate is None


def test_metrics_rank_candidates_of_equal_fitness_and_no_others():
    def ranked(*given: tuple[float, tuple[float, ...]]) -> list[int]:
        candidates = [
            candidate(slot=i, outcome=trained(), scores=(score(report).model_copy(update={"merit": merit}),))
            for i, (report, merit) in enumerate(given)
        ]
        found = with_estimates(candidates, "estimate")
        return [c.slot for c in sorted(found, key=lambda c: c.rank, reverse=True)]

    assert ranked((0.0, (-1.0, 0.5)), (0.0, (-0.5, 0.1)), (0.0, (-0.5, 0.2))) == [2, 1, 0]
    assert ranked((0.1, (-9.0,)), (0.0, (0.0,))) == [0, 1]


def test_a_score_is_the_mean_of_report_and_training_at_the_level_of_the_reports():
    trained = {"a": [score(10.0, training=6.0)], "b": [score(4.0, training=6.0), score(7.0, training=None)]}
    # the reports lie (4 - 2) / 2 = 1 above the episodes of training
    assert scores(trained, "estimate") == {"a": [8.5], "b": [5.5, 7.0]}
    full = {
        "a": [score(500.0, training=490.0)],
        "b": [score(500.0, training=300.0)],
        "c": [score(100.0, training=90.0)],
    }
    assert max(values[0] for values in scores(full, "estimate").values()) == 500.0, "no more than was ever reached"
    assert scores({"a": [score(1.0)]}, "estimate") == {"a": [1.0]}
    assert scores({"a": [score(1.0, training=9.0, selection=5.0)]}, "checkpoint") == {"a": [5.0]}, "as in the paper"
