"""The recorded run in runs/examples: a language model's replies, kept to be looked at and replayed."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Bench, Cli

from eureka import prompt
from eureka.introspect import describe
from eureka.store import read_events, read_json

EXAMPLE = Path(__file__).resolve().parent.parent / "runs" / "examples" / "cartpole"


def test_its_first_prompt_is_the_one_that_would_be_asked_today(cartpole: Bench):
    """A change of prompts or of the task's words makes the recording stale: record it anew (runs/README.md)."""
    recorded = next(e for e in read_events(EXAMPLE)[0] if e["event"] == "prompt")
    env = cartpole.env(1, 1)
    description = describe(cartpole.loaded, cartpole.task, cartpole.states, env.reset().shape[-1])
    assert prompt.fingerprint(prompt.first(description)) == recorded["sha256"]


def test_it_is_small_names_no_machine_and_says_who_answered():
    size = 0
    for path in EXAMPLE.rglob("*"):
        if path.is_file():
            size += path.stat().st_size
            assert path.stat().st_size < 200_000, path
            assert b"/home/" not in path.read_bytes() and str(EXAMPLE.parent).encode() not in path.read_bytes()
    assert size < 600_000
    answers = [e["answer"] for e in read_events(EXAMPLE)[0] if e["event"] == "answer"]
    assert len(answers) == 8 and {a["model"] for a in answers} == {
        read_json(EXAMPLE / "run.json")["settings"]["llm"][7:]
    }


def test_it_can_be_inspected(cli: Cli):
    done = cli("inspect", EXAMPLE)
    assert done.returncode == 0 and "winner 1.0" in done.stdout, done.stderr
    best = cli("inspect", EXAMPLE, "--best")
    assert best.returncode == 0 and "def compute_reward" in best.stdout


@pytest.mark.slow
def test_its_replies_make_a_run_again(cli: Cli, tmp_path: Path):
    done = cli("run", "cartpole", "--llm", f"replay:{EXAMPLE}", "--out", "again", timeout=900)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "again" / "result.json").exists()
