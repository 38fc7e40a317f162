"""Plots lie where their numbers say, worked out by hand, and nothing in them is markup of a stranger's."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest
from support.candidates import trained
from support.journals import EXAMPLE, HOSTILE, example, failing, grown, reading, write_run

from eureka.report import charts, highlight, lineage, svg
from eureka.report.axes import axis, fitting


def drawn(markup: str) -> ElementTree.Element:
    """The elements of a drawing, which must be well-formed."""
    return ElementTree.fromstring(f"<all>{markup}</all>")


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0, 500], "0 200 400 600"),
        ([-0.012, 0.5], "\N{MINUS SIGN}0.2 0 0.2 0.4 0.6"),
        ([0, 131_072], "0 50k 100k 150k"),
        ([0, 2_500_000], "0 1M 2M 3M"),
        ([5, 5], "4.50 4.75 5.00 5.25 5.50"),
        ([2.3, None, float("nan"), 9.1], "2 4 6 8 10"),
        ([], "0 0.25 0.50 0.75 1.00"),
        ([1e-7, 3e-7], "1e-07 1.5e-07 2e-07 2.5e-07 3e-07".replace("-", "\N{MINUS SIGN}")),
    ],
)  # fmt: skip
def test_ticks_are_round_and_hold_all_values_between_them(values: list, labels: str):
    found = axis(values)
    assert " ".join(found.labels) == labels
    known = [v for v in values if v is not None and v == v]
    assert all(found.low <= v <= found.high for v in known)


@pytest.mark.parametrize("values", [[-1e308, 1e308], [5e-324, 0.0], [1.0, 1.0 + 1e-15], [float("inf"), 3.0], [1e300]])
def test_an_axis_of_any_numbers_ends(values: list[float]):
    found = axis(values)
    assert found.low < found.high and len(found.ticks) < 20


def test_a_scale_is_linear_and_keeps_what_is_beyond_at_its_ends():
    scale = axis([0, 10]).scale(100, 0)
    assert [scale(v) for v in (0, 2.5, 10, -1, 99)] == [100, 75, 0, 100, 0]


def test_labels_are_left_out_evenly():
    assert fitting(["a"] * 7, 3) == [True, False, False, True, False, False, True]


def test_candidates_lie_at_their_fitness_and_failures_below_the_axis(tmp_path: Path):
    """Two generations of four: the k-th of a generation's four is k fifths into its half; 0 .. 600 is 180 px high."""
    events = failing(example(), 1, 2, "compile", "no")
    for event in events:
        if event["event"] == "trained" and event["training"] == "generation-1-0":
            event["outcomes"][1] |= {"report": 150.0}
        for outcome in event.get("outcomes", ()):
            if "curves" in outcome:  # else half of the score would come from the episodes of training
                outcome["curves"]["training_fitness"][-1] = None
    run = reading(write_run(tmp_path / "run", events))
    marks = {
        u[0].text.split(":")[0]: (u.get("x"), u.get("y"), u.get("href"))
        for u in drawn(charts.fitness_by_generation(run)).iter("use")
        if len(u) and u[0].text
    }  # fmt: skip
    assert marks["1.0"] == ("10%", "30", "#m-dot")
    assert marks["1.1"] == ("20%", "135", "#m-dot")
    assert marks["1.2"] == ("30%", "206", "#m-cross"), "26 px below the axis, which is 180 px down"
    assert marks["2.3"] == ("90%", "30", "#m-dot")


def test_a_line_is_broken_where_a_value_is_missing():
    line = drawn(svg.line([(0, 10), (500, 5), None, (1000, 0)], 20, "line"))
    (path,) = line.iter("path")
    assert path.get("d") == "M0 10L500 5M1000 0"


def test_the_lineage_draws_a_line_from_each_parent_to_what_was_made_of_it(tmp_path: Path):
    events, record = grown(generations=3, samples=4)
    run = reading(write_run(tmp_path / "run", events, record))
    tree = drawn(lineage.lineage(run))
    edges = [p for p in tree.iter("path") if "edge" in (p.get("class") or "")]
    assert len(edges) == 8, "two generations of four have a parent"
    chosen = [p for p in edges if "chosen" in (p.get("class") or "")]
    assert len(chosen) == len(lineage.ancestors(run, run.best)) - 1


def test_every_picture_has_a_name_and_says_what_it_shows(tmp_path: Path):
    events, record = grown(generations=2, samples=8)
    run = reading(write_run(tmp_path / "run", events, record))
    curves = run.entries["1.0"].curves
    assert curves is not None
    pictures = [
        charts.fitness_by_generation(run),
        charts.final_curves(run),
        charts.intervals(run, run.comparison),
        lineage.lineage(run),
        *charts.panels(curves, 1),
    ]
    assert len(pictures) > 7
    for picture in pictures:
        (image,) = (s for s in drawn(picture).iter("svg") if s.get("role") == "img")
        assert image[0].tag == "title" and image[0].text and image[1].tag == "desc" and image[1].text


def test_intervals_of_shares_are_not_drawn_beyond_zero_and_one():
    """The interval of 0.953, 1, 0.438, 0.844, 0.875 ends at 1.1; the axis is 0 .. 1, and lines have no caps there."""
    run = reading(EXAMPLE.parent / "franka_cabinet")
    tree = drawn(charts.intervals(run, run.comparison))
    labels = [t.text for t in tree.iter("text") if t.get("class") == "tick" and t.get("y") == "118"]
    assert labels == ["0", "0.25", "0.50", "0.75", "1.00"]
    lines = [x for x in tree.iter("line") if x.get("class") == "interval" and x.get("x2") == "100%"]
    assert [(x.get("x1") == "100%", x.get("x2")) for x in lines] == [(False, "100%")]


def test_curves_of_the_comparison_are_means_with_bands_and_faint_trainings(tmp_path: Path):
    run = reading(EXAMPLE.parent / "franka_cabinet")
    picture = charts.final_curves(run)
    classes = [p.get("class") for p in drawn(picture).iter("path")]
    assert [sum(c == kind for c in classes) for kind in ("band s0", "line thin s0", "line s0")] == [1, 5, 1]
    assert "fitness" in picture and "training world-steps" in picture
    last = [f.curves.fitness[-1] for f in run.finals if f.key == "evolved"]
    assert f"evolved, 5 trainings: {sum(last) / 5:.3f} at the last checkpoint" in picture
    one = [
        replace(f, curves=f.curves.model_copy(update={"steps": [1], "fitness": [v]}))
        for f, v in zip(run.finals, last, strict=False)
    ]
    assert "at the only checkpoint" in charts.final_curves(replace(run, finals=tuple(one)))


def test_where_all_solve_the_task_the_time_to_solve_is_shown():
    drawn_times = charts.times_to_solve(reading(EXAMPLE).comparison)
    assert "32,768" in drawn_times and "training world-steps to 80 % of human" in drawn_times
    assert not charts.times_to_solve(reading(EXAMPLE.parent / "ball_balance").comparison)


def test_an_element_escapes_whatever_it_is_given():
    made = svg.element("text", HOSTILE, class_=HOSTILE)
    (text,) = drawn(made)
    assert len(text) == 0 and set(text.attrib) == {"class"}
    assert "<img src=x" in (text.text or "") and not re.search("[\x00\x1b\u202e\ud800]", made)


def test_highlighting_changes_no_character():
    source = "@f\ndef reward(a):  # why\n    return a * 2.5e-3, {'x': \"</i><b>\", 'y': not a}\n\n\n    \\ ??? \u00e9\n"
    lines = [drawn(line) for line in highlight.highlight(source)]
    assert ["".join(line.itertext()) for line in lines] == source.rstrip("\n").split("\n")
    assert {i.get("class") for line in lines for i in line.iter("i")} == set("kmscf")


def test_the_main_function_is_told_from_the_rest():
    code = "import torch\n\ndef near(x):\n    return x\n\ndef compute_reward(x):\n    return near(x), {}\n\nLAST = 1\n"
    function, rest = highlight.main_function(code)
    assert function == "def compute_reward(x):\n    return near(x), {}"
    assert rest.startswith("import torch") and rest.endswith("LAST = 1") and "compute_reward" not in rest
    assert highlight.main_function("def compute_reward(:") == ("def compute_reward(:", "")


def test_what_a_total_has_beside_its_components_is_drawn():
    whole = trained(near=[0.1, 0.2, 0.3]).curves  # as its total
    rest = whole.model_copy(update={"total": [-3.9, -3.8, -3.7]})
    assert not any("total minus components" in panel for panel in charts.panels(whole))
    assert (
        sum("total minus components" in panel and "from -4.00 to -4.00" in panel for panel in charts.panels(rest)) == 1
    )


def test_a_difference_counts_and_numbers_its_lines():
    before = "\n".join("abcdefghijklmnop")
    after = before.replace("c", "C").replace("p", "p\nq")
    found = highlight.difference(before, after)
    assert found is not None and (found.added, found.removed) == (2, 1)
    first, second = found.groups
    assert [(x.sign, x.old, x.new) for x in first] == [
        (" ", 1, 1), (" ", 2, 2), ("-", 3, None), ("+", None, 3), (" ", 4, 4), (" ", 5, 5), (" ", 6, 6)
    ]  # fmt: skip
    assert [(x.sign, x.old, x.new) for x in second][-2:] == [(" ", 16, 16), ("+", None, 17)]


def test_texts_too_long_to_compare_are_not_compared():
    assert highlight.difference("x\n" * 5000, "y") is None
    assert highlight.difference("a", "a") == highlight.Difference(0, 0, ())
