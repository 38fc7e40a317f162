"""The sentence at the end of a search."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from support.candidates import trained
from support.comparisons import LOST, arm, of

from eureka.display.conclusion import conclude
from eureka.display.tables import remark, sheets, show_summary
from eureka.runs.comparison import comparison, summarise
from eureka.runs.journal import Journal, StartedEvent, TrainedEvent, read_journal
from eureka.runs.learning import unmoved
from eureka.runs.results import ArmSpec, Comparison, Reward


@pytest.fixture
def journal(recorded: Path, monkeypatch) -> Journal:
    """Of a finished cartpole search, whose fitness counts control steps; in the parent folder of the run."""
    monkeypatch.chdir(recorded.parent)
    return read_journal(recorded)


def test_the_headline_says_who_won_by_how_much_in_the_tasks_unit_and_how_sure(journal: Journal):
    # Welch's interval of two pairs that are 2 and 20 apart, level 0.9775
    found = conclude(journal, of(arm("evolved", 400.0, 402.0), arm("human", 390.0, 410.0), arm("sparse", 100.0, 101.0)))
    assert found.headline == (
        "Undecided between the evolved reward and the human reward: 401 against 400 control steps of 500 on 2 fresh "
        "seeds each; the difference of 1 may be chance (97.75% interval -283 .. 285)."
    )
    assert found.others == (
        "The evolved reward is better than the sparse reward by 300 control steps of 500 (269 .. 332).",
    )
    equal = conclude(journal, of(*(arm(name, 500.0, 500.0) for name in ("evolved", "human", "sparse"))))
    assert equal.headline == (
        "The evolved reward and the human reward are equal: 500 control steps of 500 on 2 fresh seeds each."
    )
    assert equal.others == ("The sparse reward has the same fitness as the evolved reward.",)
    worse = conclude(journal, of(arm("evolved", 1.0, 1.1), arm("human", 9.0, 9.1)))
    assert worse.headline.startswith(
        "The evolved reward loses to the human reward: 1.05 against 9.05 control steps of 500 on 2 fresh seeds each, a "
        "difference of 8.00 (97.75% interval 7.5"
    )
    assert worse.advice == "To continue the search:"
    assert worse.command == f"eureka resume {journal.folder.name} --generations 3"
    better = conclude(journal, of(arm("evolved", 9.0, 9.1), arm("human", 1.0, 1.1)))
    assert better.headline.startswith("The evolved reward beats the human reward: 9.05 against 1.05 control steps")
    assert better.won and better.advice == better.command == ""


def test_an_undecided_comparison_names_the_command_for_the_next_look(journal: Journal):
    few = of(arm("evolved", 4.0, 4.5, 5.0, 5.5, 6.0), arm("human", 2.7, 3.2, 3.7, 4.2, 4.7))
    found = conclude(journal, few)
    assert found.advice.startswith("To decide a difference of 1.30 control steps of 500 takes about 9 seeds. "), found
    assert "To compare on 10, which takes about " in found.advice
    assert found.command == f"eureka compare {journal.folder.name} --seeds 10" and not found.won
    many = conclude(journal, of(arm("evolved", 4.0, 5.0, 6.0, 5.0), arm("human", 4.0, 5.0, 6.0, 5.4)))
    assert "a comparison can have 20 at most" in many.advice and many.command.endswith("--generations 3")
    # The formula is content with 2 seeds; Welch's test with a reward that never varies is not.
    steady = conclude(journal, of(arm("evolved", 139.9, 96.5), arm("human", 500.0, 500.0)))
    assert "takes more than 2 seeds. To compare on 5" in steady.advice


def test_a_reward_alone_has_its_fitness_and_no_verdict(journal: Journal):
    spec = ArmSpec(name="evolved", rewards=(Reward(origin="1.0", code=""),), searches=1)
    lacks = "The task names no reward to compare with: add the key `human: FILE` to its YAML for a verdict"
    interval = "401 control steps of 500 (95% interval 388 .. 414) on 2 fresh seeds"
    for fitness, lost, expected in (
        ((400.0, 402.0), 0, f"The evolved reward has a fitness of {interval}."),
        ((400.0,), 0, "The evolved reward has a fitness of 400 control steps of 500 on one fresh seed."),
        ((), 2, "No training of the evolved reward reached its end. The first one failed: train: NaN."),
    ):
        found = comparison([spec], dict([arm("evolved", *fitness, lost=lost)]))
        assert str(conclude(journal, found)) == f"{expected} {lacks} in the next run."
        assert not any("human" in name for sheet in sheets(found) for name in sheet.columns) and remark(found) == ""


def test_a_run_without_comparison_names_the_command_for_one(journal: Journal):
    found = conclude(journal, Comparison(arms=[]))
    assert found.headline.startswith("The winner has an estimated fitness of ") and "not compared" in found.headline
    assert found.command == f"eureka compare {journal.folder.name} --seeds 5"


def test_if_no_fitness_moved_the_run_says_so_and_why(journal: Journal):
    started = journal.all(StartedEvent)[0].model_copy(update={"fitness_unit": "m", "preset_steps": 655_360})
    still = trained().curves.model_copy(update={"fitness": [-3.0, -3.0, -2.99], "training_fitness": [None, -3.0, -3.0]})
    outcome = trained().model_copy(update={"curves": still})
    event = journal.all(TrainedEvent)[0].model_copy(update={"outcomes": [outcome, LOST, outcome]})
    journal.events = [started, event]
    found = conclude(journal, of(arm("evolved", -3.0, -3.0), arm("human", -3.0, -3.0)))
    assert found.headline == "Nothing was learned: the fitness was -3.00 m at every checkpoint of all 2 trainings."
    steps = journal.settings.steps
    assert found.advice == (
        f"This run trained for {steps:,} world-steps each, the preset cpu for 655,360: increase --steps."
    )
    # Solved before the first checkpoint: the episodes of training were worse at first.
    quick = still.model_copy(update={"fitness": [500.0] * 3, "training_fitness": [60.0, 480.0, 500.0]})
    assert unmoved([trained().model_copy(update={"curves": quick})]) is None
    assert unmoved([LOST]) is None


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


def test_one_seed_or_lost_ones_give_no_verdict(journal: Journal):
    for found in (
        of(arm("evolved", 1.0), arm("human", 9.0)),
        of(arm("evolved", 1.0, 1.1, lost=1), arm("human", 9.0, 9.1)),
    ):
        assert "beats" not in str(conclude(journal, found)) and "loses" not in str(conclude(journal, found))
        assert conclude(journal, found).headline.startswith("The evolved reward has a fitness of 1.0")
        assert conclude(journal, found).others[0].startswith("There is no verdict")
