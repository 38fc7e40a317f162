"""Runs of a task of the user's own: without baselines, and after its files were moved away."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support.cli import Cli, sentence

from eureka.runs.store import task_of
from eureka.system.paths import shipped
from eureka.video.selection import select

SMALL = ("--generations", 1, "--samples", 2, "--envs", 32, "--steps", 4096, "--seeds", 2)
ALONE = "The task names no reward to compare with: add the key `human: FILE` to its YAML for a verdict in the next run."


def own(folder: Path, *baselines: str) -> Path:
    """A cartpole of the user's own with these baselines, and a file beside its class that nothing names."""
    shutil.copytree(shipped("tasks") / "cartpole", folder / "cartpole")
    (folder / "cartpole" / "scene.xml").write_text("<mujoco/>")
    text = (shipped("tasks") / "cartpole.yaml").read_text().replace("name: cartpole", "name: mine")
    lines = [line for line in text.splitlines() if line.partition(":")[0] not in {"human", "sparse"} - {*baselines}]
    (folder / "mine.yaml").write_text("\n".join(lines))
    return folder / "mine.yaml"


def comparison(run: Path) -> dict:
    return json.loads((run / "result.json").read_text())["comparison"]


def test_a_task_without_baselines_is_searched_and_says_what_it_lacks(cli: Cli, fakes, tmp_path: Path):
    own(tmp_path)
    done = cli("run", "mine.yaml", "--out", "run", *SMALL)
    assert done.returncode == 0, done.stderr
    assert "evolved on 2 fresh seeds" in done.stdout and ALONE in done.stdout and "against" not in done.stdout
    assert [a["name"] for a in comparison(tmp_path / "run")["arms"]] == ["evolved"]
    assert comparison(tmp_path / "run")["baseline"] is None
    again = cli("compare", "run", "--seeds", 2, "--out", "again")
    assert again.returncode == 0 and "run on 2 fresh seeds" in again.stdout and ALONE in again.stdout, again.stderr
    assert ALONE in cli("inspect", "run").stdout
    assert cli("report", "run").returncode == 0
    page = (tmp_path / "run" / "report.html").read_text()
    assert (
        "The task names no reward to compare with" in page and ">None<" not in page and "human-normalised" not in page
    )
    assert "it names no reward to compare with" in cli("run", "mine.yaml", "--dry-run").stdout


@pytest.mark.parametrize("name", ["human", "sparse"])
def test_a_task_with_one_baseline_is_compared_with_that(cli: Cli, fakes, tmp_path: Path, name: str):
    own(tmp_path, name)
    done = cli("bench", "mine.yaml", "--out", "b", *SMALL, "--display", "plain")
    assert done.returncode == 0, done.stderr
    found = comparison(tmp_path / "b" / "mine")
    assert found["baseline"] == name and [a["name"] for a in found["arms"]] == ["evolved", name]
    evolved = found["arms"][0]
    assert evolved["against"]["verdict"] != "not defined" and evolved["against"]["normalised"] is None
    assert evolved["against_sparse"] is None
    for expected in (f"against {name} ", f"evolved against {name}: 1 "):
        assert expected in done.stdout
    assert sum(done.stdout.count(verdict) for verdict in ("beats", "loses to", "Undecided between", "are equal")) == 1
    assert "P   normalised" not in done.stdout
    assert f"its {name} reward compiles and runs" in cli("run", "mine.yaml", "--dry-run").stdout


def test_a_missing_baseline_is_named_with_its_key_by_every_command(cli: Cli, fakes, tmp_path: Path):
    yaml = own(tmp_path, "sparse")
    for arguments in (
        ["check", yaml, "--reward", "human"],
        ["train", yaml, "--reward", "human"],
        ["compare", "human", "--task", yaml],
        ["run", yaml, "--start", "human"],
    ):
        said = sentence(cli(*arguments), 2)
        assert f"mine has no reward human: add the key `human: FILE` to {yaml}" in said
    for arguments in (["check", yaml, "--reward", "environment"], ["run", yaml, "--start", "environment"]):
        assert "mine has no reward environment; it has sparse" in sentence(cli(*arguments), 2)
    sized = ("--envs", 32, "--steps", 4096, "--seeds", 2)
    for arguments in (["check", yaml, "--reward", "sparse"], ["train", yaml, "--reward", "sparse", *sized]):
        done = cli(*arguments)
        assert done.returncode == 0, done.stderr
    started = cli("run", yaml, "--start", "sparse", "--out", "started", *SMALL)
    assert started.returncode == 0 and "  0.0 " in started.stdout, started.stderr


def test_the_runs_copy_of_a_task_that_was_moved_away_is_used_by_every_command(cli: Cli, fakes, tmp_path: Path):
    yaml, run = own(tmp_path / "home", "human"), tmp_path / "run"
    assert cli("run", yaml, "--out", "run", *SMALL).returncode == 0
    assert (run / "task" / "cartpole" / "scene.xml").is_file(), "a class may read what lies beside it"
    expected = comparison(run)
    (tmp_path / "home").rename(tmp_path / "away")
    said = f"{yaml} is missing; the run's copy is used: {run / 'task' / 'mine.yaml'}"
    assert task_of(run).original == str(yaml) and select(str(run), None, "human", None).task == task_of(run)
    again = cli("compare", "run", "--seeds", 2, "--controls", "search", "--out", "again")
    assert again.returncode == 0 and said in again.stdout, again.stderr
    assert [a["fitness"] for a in comparison(tmp_path / "again")["arms"][:2]] == [
        a["fitness"] for a in expected["arms"]
    ]
    assert task_of(tmp_path / "again").original == str(yaml), "which has a copy of its own"
    for both in (["run", "again=run"], ["run", "--task", "away/mine.yaml"]):
        assert cli("compare", *both, "--seeds", 2, "--out", both[1].strip("-")).returncode == 0
    for arguments in (["resume", "run"], ["inspect", "run"], ["export", "run", "-o", "reward.py"], ["report", "run"]):
        assert cli(*arguments).returncode == 0
    assert "runs only in an isolated trainer" in sentence(cli("compare", "run", "--seeds", 2, "--open-trainer"), 2)


def test_an_interrupted_run_goes_on_with_the_copy_to_the_same_result(cli: Cli, fakes, tmp_path: Path, monkeypatch):
    from support.fakes import Crash, crash_at

    yaml = own(tmp_path / "home", "human")
    assert cli("run", yaml, "--out", "whole", *SMALL).returncode == 0
    crash_at(monkeypatch, "trained")
    with pytest.raises(Crash):
        cli("run", yaml, "--out", "run", *SMALL)
    shutil.rmtree(tmp_path / "home")
    done = cli("resume", "run")
    assert done.returncode == 0 and "the run's copy is used" in done.stdout, done.stderr
    assert (tmp_path / "run" / "result.json").read_bytes() == (tmp_path / "whole" / "result.json").read_bytes()
