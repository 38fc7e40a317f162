"""Comparisons with controls: stopped in the middle of one, killed at their first instant, resumed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cli import KEY, Cli, sentence, start_command, workers
from support.events import answers, events_of
from support.model_runs import rewards
from support.model_server import Server, error

SMALL = ("--generations", 2, "--samples", 1, "--envs", 32, "--steps", 2048)


@pytest.fixture(scope="module")
def model() -> Iterator[Server]:
    server = Server(rewards)
    yield server
    server.close()


@pytest.fixture
def found(cli: Cli, fakes, model: Server, tmp_path: Path) -> Path:
    """A small finished search by a model, which may take no more than 20,000 tokens."""
    limits = ("--reply-tokens", 500, "--max-tokens", 20_000)
    done = cli("run", "cartpole", "--llm", f"openai:m@{model.url}", "--out", "found", *SMALL, *limits)
    assert done.returncode == 0, done.stderr
    return tmp_path / "found"


@pytest.fixture(autouse=True)
def healthy(model: Server) -> None:
    model.answer = rewards


def test_a_control_that_spent_its_budget_stays_and_goes_on_with_more(
    cli: Cli, model: Server, found: Path, tmp_path: Path
):
    costly = {"prompt_tokens": 30_000, "completion_tokens": 0, "total_tokens": 30_000}
    model.answer = lambda body, number: rewards(body, number) | {"usage": costly}
    done = cli("compare", "human", found, "--controls", "best-of-n", "--seeds", 1, "--out", "c")
    assert done.returncode == 2 and "could exceed --max-tokens 20000" in done.stderr, done.stderr
    assert "resume with: eureka resume c" in done.stderr
    control = tmp_path / "c" / "controls" / "best-of-n"
    paid = answers(control)
    assert len(paid) == 1
    useless = cli("resume", "c", "--llm", "search", "--max-tokens", 100)
    assert useless.returncode == 2 and "--max-tokens has no effect on --llm search" in useless.stderr
    more = cli("resume", "c", "--max-tokens", 1_000_000)
    assert more.returncode == 0, more.stderr
    assert len(answers(control)) == 2 and answers(control)[:1] == paid, "what was paid for is not asked again"
    assert [a["name"] for a in result(tmp_path / "c")["comparison"]["arms"]] == ["human", "found", "best-of-n"]


def test_a_control_that_was_refused_leaves_the_finished_ones_and_asks_whom_the_user_agrees_to(
    cli: Cli, model: Server, found: Path, tmp_path: Path
):
    model.answer = lambda body, number: error(401, "bad key")
    strange = found.rename(tmp_path / "strange")
    record = (strange / "run.json").read_text()
    (strange / "run.json").write_text(record.replace(model.url, "http://collector.example/v1"))
    asked = ("compare", "human", "strange", "--controls", "search,best-of-n", "--seeds", 1, "--out", "c")
    refused = cli(*asked, OPENAI_API_KEY=KEY)
    assert refused.returncode == 2 and not (tmp_path / "c").exists()
    assert "to allow it, add --llm openai:m@http://collector.example/v1" in refused.stderr
    done = cli(*asked, "--llm", f"openai:m@{model.url}", OPENAI_API_KEY=KEY)
    assert done.returncode == 2 and "rejects the API key" in done.stderr, done.stderr
    assert "resume with: eureka resume c" in done.stderr
    search = tmp_path / "c" / "controls" / "search" / "events.jsonl"
    before = search.read_bytes()
    assert b'"finished"' in before
    # As if the comparison were a stranger's, who would like to have the key.
    journal = tmp_path / "c" / "events.jsonl"
    journal.write_text(journal.read_text().replace(model.url, "http://collector.example/v1"))
    model.answer = rewards
    refused = cli("resume", "c", OPENAI_API_KEY=KEY)
    assert refused.returncode == 2, refused.stderr
    assert "to allow it, add --llm openai:m@http://collector.example/v1" in refused.stderr
    agreed = cli("resume", "c", "--llm", f"openai:m@{model.url}", OPENAI_API_KEY=KEY)
    assert agreed.returncode == 0, agreed.stderr
    assert search.read_bytes() == before and len(result(tmp_path / "c")["comparison"]["arms"]) == 4


def test_a_comparison_killed_as_soon_as_it_is_a_run_is_still_a_comparison(cli: Cli, fakes, tmp_path: Path):
    sizes = ("--seeds", 1, "--envs", 32, "--steps", 2048)
    process = start_command("compare", "human", "--task", "cartpole", *sizes, "--out", "c", cwd=tmp_path)
    while not (tmp_path / "c" / "run.json").exists():
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    for pid in workers(tmp_path / "c").values():  # which end by themselves once they have started
        os.kill(pid, signal.SIGKILL)
    assert [event["event"] for event in events_of(tmp_path / "c")] == ["arms"]
    done = cli("resume", "c")
    assert done.returncode == 0, done.stderr
    assert [a["name"] for a in result(tmp_path / "c")["comparison"]["arms"]] == ["human"]


@pytest.mark.slow
def test_budgets_and_controls_of_real_processes(command: Cli, model: Server, tmp_path: Path):
    limits = ("--reply-tokens", 500, "--max-tokens", 4500)
    search = ("run", "cartpole", "--llm", f"openai:m@{model.url}", "--out", "found", *SMALL, *limits)
    assert "could pass --max-tokens 4500" in sentence(command(*search))
    assert len(answers(tmp_path / "found")) == 1
    assert command("resume", "found", "--max-tokens", 100_000).returncode == 0
    done = command("compare", "human", "found", "--controls", "best-of-n", "--seeds", 1, "--out", "c")
    assert done.returncode == 0, done.stderr
    assert [a["name"] for a in result(tmp_path / "c")["comparison"]["arms"]] == ["human", "found", "best-of-n"]


def result(run: Path) -> dict:
    return json.loads((run / "result.json").read_text())
