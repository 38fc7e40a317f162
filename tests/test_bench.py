"""What a benchmark over tasks adds up, with numbers worked out by hand; and a small one for real."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Cli
from test_compare import arm, of

from eureka.bench import summarise


def test_wins_ties_losses_and_both_means_of_the_normalised_score():
    found = {
        # (9 - 1) / (3 - 1) = 4: a win; clipped to 3
        "won": of(arm("evolved", 9.0, 9.0), arm("human", 3.0, 3.0), arm("sparse", 1.0, 1.0)),
        # (0 - 1) / (3 - 1) = -0.5: a loss; clipped to 0
        "lost": of(arm("evolved", 0.0, 0.0), arm("human", 3.0, 3.0), arm("sparse", 1.0, 1.0)),
        # (3 - 1) / (3 - 1) = 1: a tie
        "tied": of(arm("evolved", 3.0, 3.0), arm("human", 3.0, 3.0), arm("sparse", 1.0, 1.0)),
        "one seed": of(arm("evolved", 3.0), arm("human", 3.0), arm("sparse", 1.0)),
    }
    s = summarise({name: (f"runs/{name}", comparison) for name, comparison in found.items()})
    assert s.counts == {"win": 1, "tie": 1, "loss": 1, "not defined": 1}
    assert s.normalised == pytest.approx((4 - 0.5 + 1) / 3)
    assert s.clipped == pytest.approx((3 + 0 + 1) / 3)
    assert s.improvement == pytest.approx((1 + 0 + 0.5) / 3)
    assert s.lines[0].fitness == {"evolved": 9.0, "human": 3.0, "sparse": 1.0}


def test_a_benchmark_that_is_called_again_takes_what_is_done_and_refuses_other_settings(cli: Cli, tmp_path: Path):
    sizes = ("--generations", 1, "--samples", 1, "--steps", 4096, "--seeds", 2, "--out", "b", "--display", "plain")
    first = cli("bench", "cartpole", *sizes)
    assert first.returncode == 0, first.stderr
    assert "evolved against human: 1 " in first.stdout and "cartpole" in first.stdout
    summary = (tmp_path / "b" / "summary.json").read_bytes()
    assert json.loads(summary)["lines"][0]["task"] == "cartpole"
    journal = (tmp_path / "b" / "cartpole" / "events.jsonl").read_bytes()
    again = cli("bench", "cartpole", *sizes)
    assert again.returncode == 0 and (tmp_path / "b" / "summary.json").read_bytes() == summary
    assert (tmp_path / "b" / "cartpole" / "events.jsonl").read_bytes() == journal, "nothing was done again"
    other = cli("bench", "cartpole", *sizes, "--seed", 7)
    assert other.returncode == 2 and "was begun with other settings" in other.stderr
