"""The sentence at the end of a search."""

from __future__ import annotations

from support.comparisons import arm, of

from eureka.display.tables import conclusion


def test_the_conclusion_names_every_arm_and_what_the_intervals_say():
    # Student's t with two values: mean +- 12.706 * |a - b| / 2
    found = of(arm("evolved", 400.0, 402.0), arm("human", 390.0, 410.0), arm("sparse", 100.0, 101.0))
    assert conclusion(found) == (
        "On 2 fresh seeds the evolved reward has fitness 401.00 (388.29 .. 413.71): not distinguishable from human "
        "400.00 (272.94 .. 527.06), better than sparse 100.50 (94.15 .. 106.85)."
    )
    assert "worse than human" in conclusion(of(arm("evolved", 1.0, 1.1), arm("human", 9.0, 9.1)))


def test_there_is_no_conclusion_from_one_seed_or_from_lost_ones():
    assert conclusion(of(arm("evolved", 1.0), arm("human", 9.0))) == ""
    assert conclusion(of(arm("evolved", 1.0, 1.1, lost=1), arm("human", 9.0, 9.1))) == ""
    assert conclusion(of(arm("human", 9.0, 9.1))) == ""
