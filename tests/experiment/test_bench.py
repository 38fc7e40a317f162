"""What a benchmark over tasks adds up, with numbers worked out by hand; and a small one for real."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cli import Cli
from support.comparisons import arm, of
from support.events import answers
from support.model_runs import rewards
from support.model_server import Server

from eureka.runs.comparison import summarise
from eureka.system.paths import shipped


def test_verdicts_and_both_means_of_the_normalised_score():
    found = {
        # (9 - 1) / (3 - 1) = 4: better; clipped to 3
        "won": of(arm("evolved", 9.0, 9.0), arm("human", 3.0, 3.0), arm("sparse", 1.0, 1.0)),
        # (0 - 1) / (3 - 1) = -0.5: worse; clipped to 0
        "lost": of(arm("evolved", 0.0, 0.0), arm("human", 3.0, 3.0), arm("sparse", 1.0, 1.0)),
        # (3 - 1) / (3 - 1) = 1: undecided
        "tied": of(arm("evolved", 3.0, 3.0), arm("human", 3.0, 3.0), arm("sparse", 1.0, 1.0)),
        "one seed": of(arm("evolved", 3.0), arm("human", 3.0), arm("sparse", 1.0)),
    }
    s = summarise({name: (f"runs/{name}", comparison) for name, comparison in found.items()})
    assert s.counts == {"better": 1, "undecided": 1, "worse": 1, "not defined": 1}
    assert s.normalised == pytest.approx((4 - 0.5 + 1) / 3)
    assert s.clipped == pytest.approx((3 + 0 + 1) / 3)
    assert s.improvement == pytest.approx((1 + 0 + 0.5) / 3)
    assert s.lines[0].fitness == {"evolved": 9.0, "human": 3.0, "sparse": 1.0}


def test_a_benchmark_that_is_called_again_takes_what_is_done_and_refuses_other_settings(
    cli: Cli, fakes, tmp_path: Path
):
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
    assert other.returncode == 2 and "has other settings" in other.stderr


@pytest.mark.slow
def test_strategies_are_compared_over_searches_at_equal_budget(cli: Cli, fakes, tmp_path: Path):
    sizes = ("--generations", 2, "--samples", 2, "--steps", 4096, "--seeds", 2, "--display", "plain", "--out", "b")
    asked = ("bench", "cartpole", "--strategies", "greedy,islands,search", "--searches", 2, *sizes)
    first = cli(*asked)
    assert first.returncode == 0, first.stderr
    table = first.stdout.partition("intervals over searches")[2]
    assert all(f"\n {name} " in table for name in ("greedy", "islands", "search", "human", "sparse"))
    found = json.loads((tmp_path / "b" / "strategies.json").read_text())
    arms = {arm["name"]: arm for arm in found["comparisons"]["cartpole"]["arms"]}
    assert list(arms) == ["greedy", "islands", "search", "human", "sparse"]
    assert [len(arms[name]["seeds"]) for name in arms] == [2, 2, 2, 1, 1], "a value for each search"
    assert [(row["strategy"], row["searches"], row["calls"]) for row in found["rows"]] == [
        ("greedy", 2, 0),
        ("islands", 2, 0),
        ("search", 2, 0),
    ]
    runs = {
        p.name: json.loads((p / "run.json").read_text())["settings"] for p in (tmp_path / "b" / "cartpole").iterdir()
    }
    searches = [of for name, of in runs.items() if name != "comparison"]
    assert sorted(of["seed"] for of in searches) == [0, 0, 0, 1, 1, 1] and {of["final_seeds"] for of in searches} == {0}
    budget = [{k: of[k] for k in ("generations", "samples", "steps", "worlds", "validation_seeds")} for of in searches]
    assert all(of == budget[0] for of in budget)
    journals = {p: p.read_bytes() for p in (tmp_path / "b").rglob("events.jsonl")}
    again = cli(*asked)
    assert again.returncode == 0 and len(journals) == 7
    assert all(p.read_bytes() == before for p, before in journals.items()), "nothing was done again"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--strategies", "greedy,elit"), "no strategy 'elit' (did you mean 'elite'?)"),
        (("--strategies", "greedy,greedy"), "names greedy twice"),
        (("--strategies", ","), "--strategies is empty"),
        (("--strategies", "greedy", "--searches", 1), "--searches must be at least 2"),
        (("--searches", 3), "add --strategies A,B"),
        (("--strategies", "greedy", "--strategy", "elite"), "exclude each other"),
    ],
)
def test_a_mistake_in_the_strategies_of_a_benchmark_is_told_at_once(cli: Cli, given: tuple, words: str):
    done = cli("bench", "cartpole", *given)
    assert done.returncode == 2 and words in done.stderr, done.stderr


@pytest.fixture
def model() -> Iterator[Server]:
    server = Server(rewards)
    yield server
    server.close()


SMALL = ("--generations", 2, "--samples", 1, "--envs", 32, "--steps", 2048, "--seeds", 1, "--out", "b")


def test_a_benchmark_that_spent_its_budget_goes_on_with_more_and_with_a_new_price_list(
    cli: Cli, fakes, model: Server, tmp_path: Path
):
    asked = ("bench", "cartpole", "--llm", f"openai:m@{model.url}", *SMALL)
    usage = {"prompt_tokens": 30_000, "completion_tokens": 0, "total_tokens": 30_000}
    model.answer = lambda body, number: rewards(body, number) | {"usage": usage}
    spent = cli(*asked, "--prices", "2,10", "--max-usd", 0.2)
    assert spent.returncode == 2 and "could exceed --max-usd 0.2" in spent.stderr, spent.stderr
    run = tmp_path / "b" / "cartpole"
    paid = answers(run)
    assert len(paid) == 1
    more = cli(*asked, "--prices", "3,12", "--max-usd", 5)
    assert more.returncode == 0, more.stderr
    assert answers(run)[:1] == paid and [e["answer"]["usd"] for e in answers(run)] == pytest.approx([0.06, 0.09])
    journal = (run / "events.jsonl").read_bytes()
    assert cli(*asked).returncode == 0 and (run / "events.jsonl").read_bytes() == journal, "all is done"


def test_tasks_that_would_share_a_folder_and_runs_of_another_task_are_refused(cli: Cli, fakes, tmp_path: Path):
    for name in ("mine", "yours"):
        shutil.copytree(shipped("tasks") / "cartpole", tmp_path / name / "cartpole")
        shutil.copy(shipped("tasks") / "cartpole.yaml", tmp_path / name)
    mine, yours = "mine/cartpole.yaml", "yours/cartpole.yaml"
    for pair in ((mine, yours), ("cartpole", "tasks/cartpole.yaml"), ("cartpole", "cartpole")):
        twice = cli("bench", *pair, *SMALL)
        assert twice.returncode == 2 and "two tasks have the name cartpole: " in twice.stderr
        assert twice.stderr.count("\n") == 1 and not (tmp_path / "b").exists()
    small = ("--generations", 1, *SMALL[2:])
    assert cli("bench", mine, *small).returncode == 0
    other = cli("bench", yours, *small)
    assert other.returncode == 2 and f"is a run of {tmp_path / mine}, not of {tmp_path / yours}" in other.stderr
    (tmp_path / "mine" / "cartpole" / "rewards" / "human.py").write_text("# other")
    changed = cli("bench", mine, *small)
    assert changed.returncode == 2 and "rewards/human.py was changed since the run began" in changed.stderr
