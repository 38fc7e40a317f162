"""`eureka new-task` writes tasks that run at once, and overwrites nothing."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.cli import Cli
from support.fakes import FakeTrainer

from eureka.cli.new_task import create
from eureka.config.tasks import load_task
from eureka.errors import StorageFault

TINY = ("--generations", 1, "--samples", 1, "--envs", 32, "--steps", 4096)


def pytest_of(folder: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    return subprocess.run(command, cwd=cwd, env=dict(os.environ), capture_output=True, text=True, check=False)


def test_a_new_task_runs_and_passes_its_own_tests_outside_the_repository(cli: Cli, fakes, tmp_path: Path):
    made = cli("new-task", "pick_up2")
    assert made.returncode == 0 and "eureka run pick_up2.yaml" in made.stdout
    assert load_task(str(tmp_path / "pick_up2.yaml")).class_name == "PickUp2"
    for path in [tmp_path / "pick_up2.yaml", *(tmp_path / "pick_up2").rglob("*.*")]:
        assert "my_task" not in path.read_text() and "MyTask" not in path.read_text()
    checked = pytest_of(tmp_path / "pick_up2", tmp_path)
    assert checked.returncode == 0, checked.stdout
    done = cli("run", "pick_up2.yaml", "--out", "run", *TINY)
    assert done.returncode == 0 and "against human" in done.stdout, done.stderr


def test_a_task_from_an_environment_is_complete_but_for_its_marked_parts(
    cli: Cli, fakes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    made = cli("new-task", "hop", "--from", "gymnasium:Hopper-v5", "--out", "deep/down")
    assert made.returncode == 0, made.stderr
    folder = tmp_path / "deep" / "down"
    text = (folder / "hop" / "task.py").read_text()
    assert "torso_position=sim.xpos[:, 1].float()" in text and "What the environment observes too" in text
    assert "foot_joint_velocity=sim.qvel[:, 5].float()" in text and "control_period = 0.008 " in text
    checked = pytest_of(folder / "hop", folder)
    assert checked.returncode == 0, checked.stdout
    tried = cli("check", "deep/down/hop.yaml", "--reward", "deep/down/hop/rewards/human.py")
    assert tried.returncode == 0 and "is valid" in tried.stdout, tried.stderr
    shown = cli("run", "deep/down/hop.yaml", "--dry-run")
    assert shown.returncode == 0 and "no model was called" in shown.stdout, shown.stderr
    monkeypatch.setattr(FakeTrainer, "real", True)
    done = cli("run", "deep/down/hop.yaml", *TINY)
    assert done.returncode == 2 and "NotImplementedError: write measure() and fitness() first" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_task_from_an_environment_observes_and_moves_as_the_environment_does(cli: Cli, tmp_path: Path):
    import gymnasium
    import numpy as np
    import torch

    from eureka import testing

    assert cli("new-task", "hop", "--from", "gymnasium:Hopper-v5").returncode == 0
    env = testing.worlds(testing.load(tmp_path / "hop.yaml"), 1)
    twin = gymnasium.make("Hopper-v5")
    env.reset(), twin.reset(seed=0)
    own = twin.unwrapped
    own.set_state(env.physics.qpos[0].numpy().copy(), env.physics.qvel[0].numpy().copy())
    for i in range(5):
        action = np.full(3, 0.2 * i - 0.5, dtype=np.float32)
        seen, *_ = twin.step(action)
        step = env.step(torch.from_numpy(action)[None, None])
        assert step.observation[0, 0].tolist() == pytest.approx(seen.tolist(), abs=1e-4)


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["Reacher"], "invalid task name"),
        (["2fast"], "invalid task name"),
        (["class"], "invalid task name"),
        (["state"], "its class State would clash"),
        (["../up"], "invalid task name"),
        (["x", "--from", "Hopper-v5"], "give gymnasium:ID"),
        (["x", "--from", "gymnasium:Hoper-v5"], "Did you mean: `Hopper`"),
        (["x", "--from", "gymnasium:Pendulum-v1"], "has no MuJoCo model file"),
    ],
)
def test_a_mistake_writes_nothing_and_is_one_sentence(cli: Cli, tmp_path: Path, arguments: list[str], expected: str):
    done = cli("new-task", *arguments)
    assert done.returncode == 2 and expected in done.stderr and done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", ["mine.yaml", "mine"])
def test_nothing_is_overwritten(cli: Cli, tmp_path: Path, there: str):
    (tmp_path / there).touch()
    done = cli("new-task", "mine")
    assert done.returncode == 2 and f"{there} exists already" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == [there] and (tmp_path / there).read_text() == ""


def test_a_full_disk_leaves_no_half_of_a_task(monkeypatch, tmp_path: Path):
    real, written = Path.write_text, []

    def write(path: Path, text: str, encoding: str | None = None) -> int:
        written.append(path)
        if len(written) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, text, encoding)

    monkeypatch.setattr(Path, "write_text", write)
    with pytest.raises(StorageFault, match=r"the disk is full: .* cannot be written; free some space and try again"):
        create("half", None, tmp_path)
    assert written[0].parts[: len(tmp_path.parts)] == tmp_path.parts and not any(tmp_path.iterdir())


def test_a_key_in_the_environment_does_not_meet_the_environments_code(monkeypatch):
    from eureka import errors
    from eureka.cli import new_task

    seen: list[dict[str, str]] = []

    class Done:
        stdout, stderr = '{"error": "stop"}', ""

    monkeypatch.setenv("OPENAI_API_KEY", "sk-decoy")
    monkeypatch.setattr(new_task.subprocess, "run", lambda *_, env, **__: (seen.append(env), Done())[1])
    with pytest.raises(errors.UserError, match="stop"):
        new_task.create("x", "gymnasium:Hopper-v5", Path("nowhere"))
    assert "OPENAI_API_KEY" not in seen[0]
