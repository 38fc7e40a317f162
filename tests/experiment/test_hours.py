"""`--max-hours`: what does not fit is refused, and a search ends early by a decision that is made once."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from support.cli import Cli, sentence
from support.events import events_of
from support.fakes import Crash, crash_at

from eureka.errors import UserError
from eureka.experiment.estimate import Estimate
from eureka.experiment.hours import TimeLimit

SIZES = ("--generations", 3, "--samples", 2, "--envs", 32, "--steps", 2048, "--seeds", 1, "--validation", "2x1")
ESTIMATE = Estimate(1000, 0, 10.0, 10.0, 0, 0, generation=20.0, after=30.0)  # 100 s in all


def test_a_generation_begins_only_if_validation_and_comparison_fit_behind_it():
    now = [0.0]
    limit = TimeLimit(120 / 3600, lambda: now[0])
    limit.require(ESTIMATE, search=True)
    now[0] = 25.0  # the first took 25 s: 25 + 30 * 25 / 20 = 62.5 s are needed, 95 are left
    assert limit.suffices()
    now[0] = 65.0  # the second took 40 s: 40 + 30 * 2 = 100 s are needed, 55 are left
    assert not limit.suffices()


def test_what_cannot_fit_is_refused_with_the_estimate():
    limit = TimeLimit(45 / 3600, lambda: 0.0)
    with pytest.raises(UserError, match=r"one generation .* about 50 s, but --max-hours 0.0125 leaves 45 s"):
        limit.require(ESTIMATE, search=True)
    TimeLimit(55 / 3600, lambda: 0.0).require(ESTIMATE, search=True)
    with pytest.raises(UserError, match="the run would take about 2 min"):
        TimeLimit(55 / 3600, lambda: 0.0).require(ESTIMATE, search=False)


def test_an_early_end_is_decided_once_and_kept_by_a_resume_and_a_replay(
    cli: Cli, fakes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    with monkeypatch.context() as patch:
        patch.setattr(TimeLimit, "suffices", lambda self: False)
        whole = cli("run", "cartpole", "--out", "whole", *SIZES, "--max-hours", 1)
        assert whole.returncode == 0, whole.stderr
        said = [line for line in whole.stdout.splitlines() if "after 1 of 3 generations: --max-hours 1" in line]
        assert len(said) == 2, "when it is decided, and at the end"
        crash_at(patch, "shortened")
        with pytest.raises(Crash):
            cli("run", "cartpole", "--out", "killed", *SIZES, "--max-hours", 1)
    resumed = cli("resume", "killed")
    assert resumed.returncode == 0 and "after 1 of 3 generations" in resumed.stdout, resumed.stderr
    replayed = cli("run", "cartpole", "--llm", "replay:whole", "--out", "replayed")
    assert replayed.returncode == 0, replayed.stderr
    expected = (tmp_path / "whole" / "result.json").read_bytes()
    for name in ("whole", "killed", "replayed"):
        kinds = [event["event"] for event in events_of(tmp_path / name)]
        assert kinds.count("shortened") == (name != "replayed")
        assert "shortened" not in kinds or kinds.index("shortened") < kinds.index("finalists")
        assert (tmp_path / name / "result.json").read_bytes() == expected
    assert json.loads(expected)["winner"].startswith("1.")


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (("run", "cartpole", "--generations", "1e9"), "at least 62 years; lower --steps"),
        (("run", "cartpole", "--steps", "1e15"), "the run would take more than 1000 years; lower --steps"),
        (("run", "cartpole", "--generations", "1e9", "--yes"), "generations or seeds"),
        (("run", "cartpole", "--envs", 1_000_000_000), "--envs must be at most 1048576"),
        (("run", "ant", "--envs", 1_000_000, "--set", "learning.horizon=1000"), "TB of memory"),
        (("train", "cartpole", "--reward", "human", "--seeds", "1e7"), "the run would take at least"),
        (("run", "cartpole", "--dry-run", "--generations", "1e9"), "the run would take at least"),
        (("run", "cartpole", "--max-hours", 0), "give a number of hours above 0"),
    ],
)
def test_what_no_machine_can_do_is_refused_at_once_in_words(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: tuple, expected: str
):
    monkeypatch.setattr("eureka.workers.executors.start_trainer", None)  # nothing is started
    monkeypatch.setattr("eureka.experiment.estimate.cores", lambda: 2)
    began = time.process_time()
    assert expected in sentence(cli(*arguments))
    assert time.process_time() - began < 2 and list(tmp_path.iterdir()) == []


def test_a_run_longer_than_its_limit_is_refused_before_it_begins(cli: Cli, fakes, tmp_path: Path):
    for command in (("run", "cartpole"), ("train", "cartpole", "--reward", "human")):
        done = cli(*command, "--max-hours", 0.0001, "--out", "run")
        assert "--max-hours 0.0001 leaves" in sentence(done) and not (tmp_path / "run").exists()


def test_a_dry_run_gives_the_estimate_first_or_as_json(cli: Cli, fakes):
    done = cli("run", "cartpole", "--dry-run")
    assert done.stdout.startswith("estimate: ") and done.stdout.splitlines()[1].startswith("memory: about ")
    found = json.loads(cli("run", "cartpole", "--dry-run", "--display", "json").stdout)
    assert found["estimate"]["seconds"] > 0 and found["estimate"]["memory"] > 0
    assert found["prompt"][0]["role"] == "system"
