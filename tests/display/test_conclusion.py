"""The sentence at the end of a search."""

from __future__ import annotations

from pathlib import Path

from support.comparisons import arm, of

from eureka.display.tables import advice, conclusion


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


def test_there_is_no_conclusion_from_one_seed_or_from_lost_ones():
    assert conclusion(of(arm("evolved", 1.0), arm("human", 9.0))) == ""
    assert conclusion(of(arm("evolved", 1.0, 1.1, lost=1), arm("human", 9.0, 9.1))) == ""
    assert conclusion(of(arm("human", 9.0, 9.1))) == ""
