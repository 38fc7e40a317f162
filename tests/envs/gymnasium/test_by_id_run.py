"""An environment by id through the whole loop."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from support.cli import Cli

from eureka.config.tasks import FIELD, PROGRAM
from eureka.rewards.preflight import preflight
from eureka.rewards.program import Field, ProgramBank, Rejected, own_reward

ROOT = Path(__file__).resolve().parents[3]
TINY = ("--generations", 1, "--samples", 1, "--envs", 4, "--steps", 1024, "--seeds", 2)


def test_the_baseline_pays_what_the_environment_pays():
    bank = ProgramBank([own_reward(2), own_reward(2)], 2)
    fields = {FIELD: torch.tensor([1.0, 2.0, 3.0, 4.0])}
    assert bank(fields).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    first, second = bank.drain()
    assert first.total == 1.5 and second.total == 3.5 and first.components == {} and first.fault is None


def test_no_candidate_can_take_the_environments_own_reward():
    with pytest.raises(Rejected):
        preflight(PROGRAM, {"x": Field(())}, {"x": torch.zeros(4), FIELD: torch.zeros(4)})
    graph = {"version": 1, "inputs": [FIELD], "nodes": [], "outputs": [{"value": 0}], "components": []}
    with pytest.raises(Rejected):
        preflight(json.dumps(graph), {"x": Field(())}, {"x": torch.zeros(4), FIELD: torch.zeros(4)})


def test_an_id_is_searched_and_trained_by_real_processes(command: Cli, tmp_path: Path):
    done = command("run", "gymnasium:Pendulum-v1", "--out", "run", *TINY)
    assert done.returncode == 0, done.stderr
    for expected in ("fitness is its return", "trainer fenced: seccomp", "\n evolved", "\n environment"):
        assert expected in done.stdout
    assert "against environment" in done.stdout
    assert "the environment's own reward" in done.stdout


def test_an_id_is_compared_against_the_environments_reward(cli: Cli, fakes, tmp_path: Path):
    assert cli("run", "gymnasium:Pendulum-v1", "--out", "run", *TINY).returncode == 0
    again = cli("resume", "run")
    assert again.returncode == 0 and "against environment" in again.stdout
    done = cli("compare", "run", "environment", "--seeds", 2, "--out", "compared")
    assert done.returncode == 0, done.stderr
    comparison = json.loads((tmp_path / "compared" / "result.json").read_text())["comparison"]
    run, own = comparison["arms"]
    assert comparison["baseline"] == "environment" and own["against"] is None and own["searches"] == 0
    assert run["against"]["verdict"] in ("better", "undecided", "worse") and run["against"]["normalised"] is None
    assert len(own["fitness"]) == 2 and len(own["steps_to_baseline"]) in (0, 2)


def test_a_dry_run_of_an_id_shows_the_prompt_and_what_was_assumed(cli: Cli, fakes):
    done = cli("run", "gymnasium:Pendulum-v1", "--dry-run")
    assert done.returncode == 0, done.stderr
    for expected in (
        "observation: (N, 3)",
        "PPO settings are defaults",
        "estimate: ",
        "no model was called",
    ):
        assert expected in done.stdout


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["run", "gymnasium:Hoper-v5"], "did you mean gymnasium:Hopper-v5"),
        (["run", "Hopper-v5"], "did you mean gymnasium:Hopper-v5, a Gymnasium environment?"),
        (["run", "gymnasium:Pendulum-v1", "--start", "human"], "pendulum_v1 has no reward human; it has environment"),
        (["run", "gymnasium:Hopper-v5", "--preset", "paper"], "has no preset 'paper'; it has cpu, gpu, bird"),
        (
            ["compare", "environment", "--task", "gymnasium:Hopper-v5"],
            "hopper_v5 has no reward environment; it has human",
        ),
        (
            ["compare", "environment", "--task", "cartpole"],
            "cartpole has no reward environment; it has human and sparse",
        ),
        (
            ["compare", "environment", "--task", "gymnasium:Pendulum-v1", "--robustness"],
            "needs a task with a task class",
        ),
        (["compare", "sparse", "--task", "cartpole", "--correlation"], "add the arm human"),
    ],
)
def test_mistakes_are_answered_in_one_sentence(cli: Cli, tmp_path: Path, arguments: list[str], expected: str):
    done = cli(*arguments)
    assert done.returncode == 2 and expected in done.stderr and "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1 and not list(tmp_path.rglob("run.json"))


@pytest.mark.slow
def test_hopper_by_id_runs_through_the_whole_loop_and_a_replay_is_the_same(command: Cli, tmp_path: Path):
    sizes = ("--generations", 2, "--samples", 2, "--envs", 8, "--steps", 4096)
    done = command("run", "gymnasium:Hopper-v5", "--out", "run", *sizes, timeout=1200)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    arms = {arm["name"]: arm for arm in result["comparison"]["arms"]}
    assert set(arms) == {"evolved", "human"} and len(arms["human"]["fitness"]) == 3
    again = command("run", "gymnasium:Hopper-v5", "--llm", "replay:run", "--out", "again", timeout=1200)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "again" / "result.json").read_bytes() == (tmp_path / "run" / "result.json").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "least"),
    [("gymnasium:CartPole-v1", 475), (str(ROOT / "examples/gymnasium/lunar_lander.yaml"), 200)],
    ids=["CartPole-v1", "LunarLander-v3"],
)
def test_policies_that_choose_solve_what_they_are_known_to_solve(command: Cli, tmp_path: Path, task: str, least: float):
    sizes = ("--seeds", 3, "--out", "run", "--yes")
    done = command("compare", "environment", "--task", task, *sizes, timeout=1800)
    assert done.returncode == 0, done.stderr
    (arm,) = json.loads((tmp_path / "run" / "result.json").read_text())["comparison"]["arms"]
    assert len(arm["fitness"]) == 3 and arm["mean"] >= least, arm
