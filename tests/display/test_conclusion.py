"""The sentence at the end of a search."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console
from support.comparisons import arm, of

from eureka.display.tables import advice, conclusion, remark, sheets, show_summary
from eureka.runs.comparison import comparison, summarise
from eureka.runs.results import ArmSpec, Reward


def test_the_conclusion_names_every_arm_and_what_the_intervals_say():
    # Student's t with two values: mean +- 12.706 * |a - b| / 2
    found = of(arm("evolved", 400.0, 402.0), arm("human", 390.0, 410.0), arm("sparse", 100.0, 101.0))
    assert conclusion(found) == (
        "On 2 fresh seeds the evolved reward has fitness 401.00 (388.29 .. 413.71). Against human it is undecided: the "
        "difference is 1.00 (-283.23 .. 285.23). It is better than sparse by 300.50 (268.88 .. 332.12)."
    )
    worse = conclusion(of(arm("evolved", 1.0, 1.1), arm("human", 9.0, 9.1)))
    assert "It is worse than human by 8.00 (7.5" in worse


def test_an_undecided_comparison_names_the_command_for_the_next_look(recorded: Path, monkeypatch):
    monkeypatch.chdir(recorded.parent)
    few = of(arm("evolved", 4.0, 4.5, 5.0, 5.5, 6.0), arm("human", 2.7, 3.2, 3.7, 4.2, 4.7))
    assert f": eureka compare {recorded.name} --seeds 10" in advice(recorded, few), advice(recorded, few)
    many = of(arm("evolved", 4.0, 5.0, 6.0, 5.0), arm("human", 4.0, 5.0, 6.0, 5.4))
    assert "more than the last look (20 seeds)" in advice(recorded, many)
    assert advice(recorded, of(arm("evolved", 9.0, 9.1), arm("human", 1.0, 1.1))) == ""


def test_a_reward_alone_has_its_fitness_and_no_verdict():
    spec = ArmSpec(name="evolved", rewards=(Reward(origin="1.0", code=""),), searches=1)
    lacks = "The task names no reward to compare with: add the key `human: FILE` to its YAML for a verdict"
    for fitness, lost, expected in (
        ((400.0, 402.0), 0, "On 2 fresh seeds the evolved reward has fitness 401.00 (388.29 .. 413.71). "),
        ((400.0,), 0, "On one fresh seed the evolved reward has fitness 400.00. "),
        ((), 2, ""),
    ):
        found = comparison([spec], dict([arm("evolved", *fitness, lost=lost)]))
        assert conclusion(found) == f"{expected}{lacks} in the next run."
        assert len(sheets(found)) == 1 and remark(found) == ""


def test_a_benchmark_shows_only_the_columns_that_hold_something():
    alone, sparse = of(arm("evolved", 9.0, 9.1)), of(arm("evolved", 9.0, 9.1), arm("sparse", 1.0, 1.1))
    human = of(arm("evolved", 9.0, 9.1), arm("human", 3.0, 3.1), arm("sparse", 1.0, 1.1))
    for found, columns, last in (
        ((alone,), "task evolved", "no task names a reward to compare with: add the key `human: FILE`"),
        ((sparse, alone), "task evolved sparse verdict P", "evolved against sparse: 1 better, 1 not defined"),
        ((human,), "task evolved human sparse verdict P normalised", "evolved against human: 1 better"),
    ):
        written = io.StringIO()
        summary = summarise({f"t{i}": (f"runs/t{i}", one) for i, one in enumerate(found)})
        show_summary(Console(file=written, width=200), summary)
        lines = [" ".join(line.split()) for line in written.getvalue().splitlines()]
        assert columns in lines and any(line.startswith(last) for line in lines), lines


def test_there_is_no_conclusion_from_one_seed_or_from_lost_ones():
    assert conclusion(of(arm("evolved", 1.0), arm("human", 9.0))) == ""
    assert conclusion(of(arm("evolved", 1.0, 1.1, lost=1), arm("human", 9.0, 9.1))) == ""
    assert conclusion(of(arm("human", 9.0, 9.1))) == ""
