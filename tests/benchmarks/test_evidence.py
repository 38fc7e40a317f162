"""The page of searches with a model: made from the recordings, and honest about losses and gaps."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import evidence

from eureka.runs.journal import read_journal
from eureka.runs.results import Against, Arm, Comparison, Interval


def test_the_page_is_made_from_the_recordings():
    assert evidence.PAGE.read_text() == evidence.report(), "run: python benchmarks/evidence.py report"


def test_every_recording_says_who_answered_and_has_a_reply_for_each_candidate():
    found = sorted(evidence.RECORDED.glob("*/*/results.json"))
    assert found
    for path in found:
        result, journal = json.loads(path.read_text()), read_journal(path.parent)
        assert result["models"] == sorted({answer.model for answer in journal.answers()})
        slots = {f"{generation}.{slot}" for generation, slot, _ in journal.replies()}
        assert slots == set(result["candidates"])
        assert not Path(json.loads((path.parent / "run.json").read_text())["task_file"]).is_absolute()
        for file in path.parent.iterdir():
            assert not re.search(r'"/|/(home|tmp|root|Users)/', file.read_text()), f"{file} names a machine's path"


def arm(name: str, mean: float, against: Against | None = None) -> Arm:
    fitness, around = [mean] * 2, Interval(mean=mean, low=mean, high=mean)
    about = {"origins": [], "searches": 1, "last": [], "failures": [], "mean": mean, "interval": around, "iqm": mean}
    return Arm(
        name=name,
        fitness=fitness,
        iqm_interval=None,
        steps_to_baseline=[],
        against=against,
        against_sparse=against,
        **about,
    )


def test_losses_count_like_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(evidence, "RECORDED", tmp_path)
    for task, verdict, low in (
        ("half_cheetah", "better", 1.0),
        ("hopper_hop", "worse", -5.0),
        ("crane", "undecided", -0.5),
    ):
        difference = Interval(mean=low + 0.1, low=low, high=low + 0.2)
        about = {"improvement": None, "improvement_interval": None, "normalised": 0.5}
        against = Against(verdict=verdict, difference=difference, **about)
        comparison = Comparison(arms=[arm("evolved", 10.0, against), arm("human", 9.0), arm("sparse", 1.0)])
        (tmp_path / task / "elite").mkdir(parents=True)
        text = json.dumps({"comparison": comparison.model_dump(mode="json")})
        (tmp_path / task / "elite" / "results.json").write_text(text)
    page = evidence.report()
    assert "Better than the human reward on 1 of 3 finished tasks, worse on 1." in page
    assert "above -10 % of the human mean on 2." in page, "-0.5 of 9 is, -5 of 9 is not"
    assert "| shadow_hand | 5 | not finished |" in page and page.count("Not finished.") == len(evidence.DEVELOPMENT)
