"""Values of parameters, and stages."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from eureka.config.parameters import Curriculum, Stage, check_stages, parse


def test_a_value_is_a_number_a_range_or_a_ramp():
    assert parse(2).at(0.5) == (2, 2) and parse(2).fixed and str(parse(2)) == "2"
    assert parse("1e-3").last == (0.001, 0.001), "YAML 1.1 reads it as text"
    drawn = parse({"uniform": [0.2, 0.6]})
    assert drawn.at(0.0) == drawn.at(1.0) == (0.2, 0.6) and not drawn.fixed and str(drawn) == "uniform in [0.2, 0.6]"
    ramp = parse({"start": 1.0, "end": 0.0, "over": 0.5})
    assert [ramp.at(share)[0] for share in (0.0, 0.25, 0.5, 1.0)] == [1.0, 0.5, 0.0, 0.0]
    assert str(ramp) == "from 1 to 0 over the first 50% of the training" and ramp.last == (0.0, 0.0)


@pytest.mark.parametrize(
    "given, expected",
    [
        ("fast", "give a number"),
        (None, "give a number"),
        (float("nan"), "give a number"),
        ([1, 2], "give a number"),
        ({"uniform": [2, 1]}, "the lowest value 2 is above the highest, 1"),
        ({"uniform": [1]}, "give a number"),
        ({"start": 1}, "give a number"),
        ({"start": 1, "end": 2, "ovr": 0.5}, "give a number"),
        ({"start": 1, "end": 2, "over": 1.5}, "over is a share of the training in"),
    ],
)
def test_another_form_is_refused_in_words(given: Any, expected: str):
    with pytest.raises(ValueError, match=expected):
        parse(given)


def test_stages_end_at_their_shares_and_at_the_latest_where_a_condition_is_not_met():
    shares = Curriculum({}, (Stage(share=0.25), Stage(share=0.5), Stage()))
    assert shares.ends(80, {}) == [20, 60]
    until = Curriculum({}, (Stage(until="fitness >= 2"), Stage(share=0.25), Stage()))
    # without a share, each later stage is left an equal part: 81 / 3 = 27
    assert until.ends(81, {}) == [27, 47] and until.ends(81, {0: 10}) == [10, 30]
    assert Curriculum().ends(80, {}) == []
    assert Curriculum({}, (Stage(share=0.99), Stage())).ends(2, {}) == [1], "the last stage has an iteration"


def test_the_values_of_a_stage_are_those_of_the_task_but_for_its_own():
    curriculum = Curriculum({"a": 1, "b": 2}, (Stage(share=0.5, parameters={"a": 0.5}), Stage()))
    assert [{n: v.last[0] for n, v in curriculum.values(i).items()} for i in (0, 1)] == [
        {"a": 0.5, "b": 2},
        {"a": 1, "b": 2},
    ]
    assert curriculum.final == {"a": (1, 1), "b": (2, 2)} and curriculum.variant == "a 1, b 2, 2 stages"
    assert curriculum.describe() == ["1. 50% of the steps: a 0.5", "2. the rest: no change"]


@pytest.mark.parametrize(
    "stages, expected",
    [
        ((Stage(), Stage()), "stage 1 must have a share of the steps, or a condition"),
        ((Stage(share=0.5), Stage(share=0.5)), "the last stage takes the rest"),
        ((Stage(share=0.5), Stage(share=0.6), Stage()), "add up to 1.1"),
    ],
)
def test_stages_that_are_no_training_are_refused(stages: tuple[Stage, ...], expected: str):
    with pytest.raises(ValueError, match=expected):
        check_stages(stages)


@pytest.mark.parametrize(
    "given, expected",
    [
        ({"until": "goals > 2"}, "give a condition such as `fitness >= 2`, not 'goals > 2'"),
        ({"parameters": {"a": {"start": 0, "end": 1}}}, "the parameter a of a stage cannot move"),
        ({"share": 1.5}, "less than 1"),
        ({"parameter": {}}, "parameter"),
    ],
)
def test_a_stage_is_checked(given: dict[str, Any], expected: str):
    with pytest.raises(ValidationError, match=expected):
        Stage.model_validate(given)
    assert Stage(until="fitness>=-1.5e2").target == -150
