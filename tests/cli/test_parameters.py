"""Parameters, stages and `--set` as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.cli import Cli, in_process, sentence
from support.fakes import FakeTrainer
from support.leaning import write_task

from eureka.runs.journal import StartedEvent, read_journal
from eureka.workers.messages import Train

TINY = ("--generations", "1", "--samples", "1", "--seeds", "2", "--display", "none")


@pytest.fixture
def leaning(tmp_path: Path) -> Path:
    return write_task(tmp_path / "task")


@pytest.mark.parametrize(
    "change, expected",
    [
        ("parameters.angel_limit=1", "has no such parameter (did you mean 'angle_limit'?); it has angle_limit, push"),
        ("parameters.angle_limit=9", "parameters.angle_limit: 9 is out of range; give 0.1 to 1.6 rad"),
        ("parameters.angle_limit=fast", "give a number, {uniform: [LOW, HIGH]}"),
        ("parameters.braked=2", "parameters.braked: 2 is out of range; give 0 to 1"),
        ("parameters=3", "parameters: input should be a valid dictionary"),
        ("angle_limit=1", "no setting 'angle_limit'"),
        ("learning.gama=0.9", "unknown key 'learning.gama' (did you mean 'gamma'"),
        ("learning.gamma=2", "learning.gamma: input should be less than or equal to 1, not 2"),
        ("steps.x=3", "steps is one value; give --set steps=VALUE"),
        ("learning.gamma", "give KEY=VALUE, such as learning.gamma=0.98"),
        ("stages=[{share: 0.5, parameters: {puhs: 1}}, {}]", "parameters.puhs in stage 1: Leaning has no such"),
        ("stages=[{}, {}]", "stage 1 must have a share of the steps, or a condition"),
        ("stages=[{until: goals > 1}, {}]", "stage 1.until: give a condition such as `fitness >= 2`"),
        ("llm=openai:x", "llm is not changed by --set; use --llm"),
    ],
)
def test_a_mistake_in_a_change_is_one_sentence(cli: Cli, fakes, leaning: Path, change: str, expected: str):
    assert expected in sentence(cli("check", leaning, "--set", change), 2)


def test_a_mistake_in_the_task_or_its_preset_says_where(cli: Cli, fakes, tmp_path: Path):
    path = write_task(tmp_path / "a", parameters="{psh: 1}")
    assert "parameters.psh in leaning.yaml: Leaning has no such parameter" in sentence(cli("check", path), 2)
    path = write_task(tmp_path / "b", "parameters: {push: 70}")
    assert "parameters.push in the preset cpu of leaning.yaml: 70 is out of range" in sentence(cli("check", path), 2)
    path = write_task(tmp_path / "c", "parameters: {push: quick}")
    assert "leaning.yaml, line 18: presets.cpu.parameters.push: give a number" in sentence(cli("check", path), 2)
    path = write_task(tmp_path / "d", "stages:\n- {share: 1.5}\n- {}")
    assert "presets.cpu.stage 1.share: input should be less than 1, not 1.5" in sentence(cli("check", path), 2)


def test_an_environment_by_id_has_no_parameters(cli: Cli, fakes):
    said = sentence(cli("check", "gymnasium:Pendulum-v1", "--set", "parameters.gravity=1"), 2)
    assert "is a Gymnasium environment, which has no parameters" in said


def test_check_shows_the_parameters_and_random_play_with_intervals(cli: Cli, fakes, leaning: Path):
    done = cli("check", leaning, "--reward", "human", "--episodes", "8", "--set", "parameters.angle_limit=0.2")
    assert done.returncode == 0, done.stderr
    lines = {
        line.split()[0]: line.split() for line in done.stdout.partition("the reward on")[0].splitlines() if line.strip()
    }
    assert lines["angle_limit"][1:4] == ["0.2", "1.50", "rad"] and lines["push"][1:3] == ["0.9", "1.00"]
    assert "8 episodes of random actions" in done.stdout and "human.py is valid" in done.stdout
    mean, low, high = (float(lines["tilt"][i]) for i in (1, 2, 4))
    assert 0 < low < mean < high < 0.2
    assert float(lines["fitness"][1]) < 60, "few control steps within so small a limit"


def test_a_run_records_what_was_given_and_says_so_everywhere(cli: Cli, fakes, leaning: Path, tmp_path: Path):
    done = cli(
        "run", leaning, "--out", "runs/a", *TINY, "--set", "parameters.angle_limit=0.5", "--set", "learning.gamma=0.9"
    )
    assert done.returncode == 0, done.stderr
    journal = read_journal(tmp_path / "runs/a")
    assert journal.settings.parameters == {"push": 0.9, "angle_limit": 0.5} and journal.settings.learning.gamma == 0.9
    started = journal.find(StartedEvent)
    assert started and {p.name: p.value for p in started.parameters}["angle_limit"] == "0.5"
    assert "leaning (push 0.9, angle_limit 0.5)" in cli("list", "runs").stdout
    assert "leaning (push 0.9, angle_limit 0.5)" in cli("inspect", "runs/a").stdout
    assert cli("report", "runs/a").returncode == 0
    page = (tmp_path / "runs/a/report.html").read_text()
    assert "The task differs from its defaults: angle_limit 0.5 rad (default 1.5), push 0.9 (default 1)." in page
    assert "Parameters of the task" in page and "an episode ends when the pole leans more than this" in page
    refused = sentence(cli("resume", "runs/a", "--set", "parameters.push=1"), 2)
    assert "a resumed run keeps its settings; start a new run" in refused


def test_a_comparison_of_runs_with_other_parameters_says_so(cli: Cli, fakes, leaning: Path, tmp_path: Path):
    for name, limit in (("a", "0.5"), ("b", "0.7")):
        done = cli("run", leaning, "--out", name, *TINY, "--set", f"parameters.angle_limit={limit}")
        assert done.returncode == 0, done.stderr
    done = cli("compare", "a", "b", "--seeds", "2", "--out", "c", "--display", "plain")
    assert done.returncode == 0, done.stderr
    expected = (
        "b was searched with other parameters (push 0.9, angle_limit 0.7); here every reward is trained with push 0.9, "
        "angle_limit 0.5."
    )
    assert expected in " ".join(done.stdout.split())
    assert json.loads((tmp_path / "c/result.json").read_text())["comparison"]["notes"] == [expected]
    alike = cli("compare", "a", "human", "--seeds", "2", "--out", "d", "--display", "plain")
    assert "other parameters" not in alike.stdout and "trainings are taken from" in alike.stdout
    other = ("compare", "a", "human", "--seeds", "2", "--out", "e", "--display", "plain")
    changed = cli(*other, "--set", "parameters.angle_limit=0.6")
    assert "a was searched with other parameters" in changed.stdout and "are taken from" not in changed.stdout


def test_values_of_the_command_line_override_those_of_preset_and_task(tmp_path: Path, fakes):
    path = write_task(tmp_path / "task", "parameters: {push: 0.8, angle_limit: 0.4}")
    done = in_process(("check", path, "--set", "parameters.angle_limit=0.3"), tmp_path, {})
    values = {line.split()[0]: line.split()[1] for line in done.stdout.splitlines() if line.startswith("  ")}
    assert values["push"] == "0.8" and values["angle_limit"] == "0.3"


def test_a_run_can_start_from_the_policy_of_another(cli: Cli, fakes, monkeypatch, leaning: Path, tmp_path: Path):
    """A stage whose reward is designed anew: the next run."""
    assert cli("run", leaning, "--out", "easy", *TINY, "--set", "parameters.angle_limit=1.2").returncode == 0
    sent: list[Train] = []
    original = FakeTrainer._train
    monkeypatch.setattr(FakeTrainer, "_train", lambda self, command: (sent.append(command), original(self, command))[1])
    done = cli("run", leaning, "--out", "hard", *TINY, "--policy", "easy", "--display", "plain")
    assert done.returncode == 0, done.stderr
    assert "every training starts from the policy of easy, evolved, with a new critic" in done.stdout
    copy, kept = tmp_path / "hard" / "start.safetensors", tmp_path / "easy/final/evolved-0/policy.safetensors"
    assert copy.read_bytes() == kept.read_bytes()
    assert (
        sent
        and {(Path(c.warm.file), c.warm.samples) for c in sent if c.warm} == {(copy, 8192)}
        and all(c.warm for c in sent)
    )
    assert "does not start from a new policy" in cli("inspect", "hard", "--candidate", "1.0", "--prompt").stdout
    assert "from the policy of easy, evolved" in cli("list", ".").stdout
    kept.unlink()
    compared = cli("compare", "hard", "human", "--seeds", "2", "--out", "compared", "--set", "learning.gamma=0.9")
    assert compared.returncode == 0, compared.stderr
    assert (tmp_path / "compared" / "start.safetensors").read_bytes() == copy.read_bytes(), "from the run's own copy"
    assert "nowhere does not exist" in sentence(cli("run", leaning, "--policy", "nowhere"), 2)
    assert "is not in a run's journal" in sentence(cli("run", leaning, "--policy", _loose(tmp_path)), 2)


def _loose(folder: Path) -> Path:
    path = folder / "loose.safetensors"
    path.write_bytes(b"")
    return path


def test_a_benchmark_of_several_tasks_refuses_parameters_before_it_begins(
    cli: Cli, fakes, leaning: Path, tmp_path: Path
):
    said = sentence(cli("bench", leaning, "cartpole", "--set", "parameters.push=0.5", "--out", "b"), 2)
    assert "--set parameters.push=0.5: parameters are a task's own" in said and not (tmp_path / "b").exists()
