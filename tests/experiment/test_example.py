"""The recorded runs in runs/examples: a language model's replies, kept to be looked at and replayed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.bench import bench_of
from support.cli import Cli

from eureka.designers import prompts
from eureka.envs.introspection import RECORDED_WORLDS, describe, random_states
from eureka.runs.journal import PromptEvent, read_journal
from eureka.runs.store import task_of

EXAMPLES = Path(__file__).resolve().parents[2] / "runs" / "examples"
NAMES = ("ball_balance", "cartpole", "franka_cabinet")


@pytest.mark.parametrize("name", NAMES)
def test_its_first_prompt_is_the_one_that_would_be_asked_today(name: str):
    """A change of prompts or of the task's words makes the recording stale: record it anew (runs/README.md)."""
    recorded = read_journal(EXAMPLES / name).all(PromptEvent)[0]
    bench = bench_of(name)
    env = bench.env(1, RECORDED_WORLDS, stream="random play")  # as the trainer process plays it
    description = describe(bench.loaded, bench.task, random_states(bench.task, env), env.actor_size)
    told = description.trained_with(read_journal(EXAMPLES / name).settings)
    assert prompts.fingerprint(prompts.first(told)) == recorded.sha256


@pytest.mark.parametrize("name", NAMES)
def test_its_task_is_the_one_that_is_shipped_today(name: str):
    """Otherwise its policies could not be played."""
    assert task_of(EXAMPLES / name).file.name == name


@pytest.mark.parametrize("name", NAMES)
def test_it_is_small_names_no_machine_and_says_who_answered(name: str):
    size = 0
    for path in (EXAMPLES / name).rglob("*"):
        if path.is_file():
            size += path.stat().st_size
            assert path.suffix != ".safetensors" or path.stat().st_size < 200_000, path
            assert b"/home/" not in path.read_bytes() and b"/tmp/" not in path.read_bytes(), path
            assert str(EXAMPLES.parent).encode() not in path.read_bytes(), path
    assert size < 1_500_000
    journal = read_journal(EXAMPLES / name)
    assert len(journal.replies()) >= journal.settings.generations * journal.settings.samples
    assert {"claude" in answer.model.lower() for answer in journal.answers()} == {True}


@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_inspected_and_reported(cli: Cli, tmp_path: Path, name: str):
    winner = json.loads((EXAMPLES / name / "result.json").read_text())["winner"]
    done = cli("inspect", EXAMPLES / name)
    assert done.returncode == 0 and f"winner {winner}" in done.stdout, done.stderr
    best = cli("inspect", EXAMPLES / name, "--best")
    assert best.returncode == 0 and "def compute_reward" in best.stdout
    assert cli("report", EXAMPLES / name, "-o", "report.html").returncode == 0
    assert f">{winner}</a></h2>" in (tmp_path / "report.html").read_text()


@pytest.mark.slow
def test_its_replies_make_a_run_again(command: Cli, tmp_path: Path):
    done = command("run", "cartpole", "--llm", f"replay:{EXAMPLES / 'cartpole'}", "--out", "again", timeout=900)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "again" / "result.json").exists()
