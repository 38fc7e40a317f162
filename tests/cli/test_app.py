"""The commands as a user types them: mistakes get one sentence and the right exit code."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support.bench import Bench
from support.cli import EUREKA, Cli, sentence, start_command
from typer import Context
from typer.main import get_command

from eureka.cli.app import app
from eureka.config.tasks import load_task
from eureka.system.paths import shipped

GOOD = "def compute_reward(pole_angle):\n    up = torch.exp(-pole_angle.square())\n    return up, {'up': up}\n"


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["run", "cartpol"], "did you mean 'cartpole'"),
        (["run", "tasks/nothing.yaml"], "no task file tasks/nothing.yaml"),
        (["run"], "Missing argument 'TASK'; see eureka run --help"),
        (["run", "cartpole", "--genrations", "3"], "No such option: --genrations"),
        (["run", "cartpole", "--steps", "many"], "'--steps': give a whole number"),
        (["run", "cartpole", "--steps", "1.5"], "'--steps': give a whole number such as 20000 or 1e6, not '1.5'; see"),
        (["run", "cartpole", "--max-tokens", "1e999"], "'--max-tokens': give a whole number"),
        (["run", "cartpole", "--set", "steps=1.5"], "--set steps=1.5: steps: input should be a valid integer"),
        (["train", "cartpole", "--reward", "human", "--seeds", "0"], "'--seeds': give a number of at least 1"),
        (["view", "--port", "1e6"], "'--port': give a number of at least 0 and at most 65535"),
        (["run", "cartpole", "--samples", "0"], "--samples must be at least 1, not 0"),
        (["run", "cartpole", "--envs", "-4"], "--envs must be at least 1"),
        (["run", "cartpole", "--preset", "huge"], "no preset 'huge'; there are cpu, gpu, paper"),
        (["run", "cartpole", "--llm", "serach"], "did you mean 'search'"),
        (["run", "cartpole", "--llm", "replay:nowhere"], "nowhere does not exist"),
        (["run", "cartpole", "--device", "cuda"], "use --device cpu"),
        (["run", "cartpole", "--device", "tpu"], "use one of auto, cpu, cuda, warp-cpu"),
        (["run", "cartpole", "--sandbox", "tight"], "use one of auto, strict"),
        (["run", "cartpole", "--sandbox", "none"], "EUREKA_ALLOW_NO_SANDBOX=1"),
        (["run", "cartpole", "--display", "fancy"], "give one of auto, live, plain, json, none"),
        (["run", "cartpole", "--seed", "9" * 23], "'--seed': give a number of at least 0 and at most 2147483647"),
        (
            ["run", "task.py"],
            "task.py is Python code, not a task; give the YAML file that names it (`task: task.py:CLASS`)",
        ),
        (["new-task", "torch"], "the folder torch would hide the Python module torch; give another"),
        (["resume", "nowhere"], "nowhere does not exist"),
        (["inspect", "latest"], "there is no run in "),
        (["play", "cartpole"], "there is no run of cartpole in "),
        (["compare", "latest"], "there is no run in "),
        (["view", "nowhere"], "nowhere does not exist"),
        (["inspect", "."], "holds no run"),
        (["check", "cartpole", "--reward", "nowhere.py"], "nowhere.py cannot be read: No such file"),
        (["lauch"], "No such command 'lauch'"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_sentence(cli: Cli, arguments: list[str], expected: str):
    assert expected in sentence(cli(*arguments), 2)


def test_every_whole_number_may_have_an_exponent():
    commands: Any = get_command(app)
    kept = ["--" + name for name in ("temperature", "timeout", "max-usd", "warm-start", "seconds")]
    tried = 0
    for command in commands.commands.values():
        for parameter in command.get_params(Context(command)):
            if parameter.metavar and len(parameter.metavar) == 1 and parameter.opts[0] not in kept:
                assert parameter.process_value(Context(command), "1e3") == 1000, parameter.opts
                tried += 1
    assert tried > 30


@pytest.mark.parametrize(
    "old, new, expected",
    [
        ("    worlds: 64", "    wolrds: 64", "did you mean 'worlds'"),
        ("presets:", "presets: [", "not valid YAML"),
    ],
)
def test_a_broken_task_file_is_one_sentence(cli: Cli, tmp_path: Path, old: str, new: str, expected: str):
    text = (shipped("tasks") / "cartpole.yaml").read_text().replace(old, new, 1)
    (tmp_path / "mine.yaml").write_text(text)
    assert expected in sentence(cli("run", "mine.yaml"), 2)


@pytest.mark.parametrize(
    "code, expected",
    [
        (
            "def compute_reward(pole_angle)\n    return pole_angle, {}\n",
            "reward.py, line 1: the code is not valid Python",
        ),
        ("def compute_reward(pole_angle):\n    return torch.sqrt(pole_angle), {}\n", "NaN"),
        ("def compute_reward(action):\n    return action, {}\n", "shape (N, 1); it must be (N,)"),
        ("def compute_reward(pole_angel):\n    return pole_angel, {}\n", "similar names are pole_angle"),
        ("def compute_reward(pole_angle):\n    return pole_angle - pole_angle.mean(), {}\n", "other worlds"),
        ("open('/etc/passwd')\n", "a reward cannot access files"),
    ],
)
def test_a_faulty_reward_file_is_one_sentence(cli: Cli, fakes, tmp_path: Path, code: str, expected: str):
    (tmp_path / "reward.py").write_text(code)
    said = sentence(cli("check", "cartpole", "--reward", "reward.py"), 2)
    assert expected in said and "reward.py" in said


def test_a_forged_program_that_fits_only_the_recorded_states_is_refused(
    cli: Cli, fakes, tmp_path: Path, cartpole: Bench
):
    """No tracer writes a constant with one number a world; a candidate that took over its jail may."""
    size = len(cartpole.states["pole_angle"])
    nodes = [
        {"op": "constant", "dtype": "float32", "shape": [size], "data": [0.5] * size},
        {"op": "aten.add.Tensor", "args": [{"value": 0}, {"value": 1}]},
    ]
    program = {"version": 1, "inputs": ["pole_angle"], "nodes": nodes, "outputs": [{"value": 2}], "components": []}
    answer = b"=" + json.dumps({"program": json.dumps(program)}).encode()
    (tmp_path / "reward.py").write_text(f"import os\nos.write(3, {answer!r})\nos._exit(0)")
    assert f"[{size}]" in sentence(cli("check", "cartpole", "--reward", "reward.py"), 2)


def test_a_good_reward_file_is_told_its_ranges(cli: Cli, fakes, tmp_path: Path):
    (tmp_path / "reward.py").write_text(GOOD)
    done = cli("check", "cartpole", "--reward", "reward.py")
    assert done.returncode == 0, done.stderr
    assert "is valid" in done.stdout and "up" in done.stdout


def unwritable(tmp_path: Path) -> Path:
    """A folder in which even root may make nothing."""
    if os.geteuid() == 0:
        return Path("/sys/kernel")
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    return folder


def test_a_folder_without_write_permission_is_one_sentence(cli: Cli, tmp_path: Path):
    out = unwritable(tmp_path) / "run"
    assert "cannot be written" in sentence(cli("run", "cartpole", "--out", out), 2)


def test_a_run_folder_that_exists_is_not_touched(cli: Cli, tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").write_text("precious")
    assert "exists already" in sentence(cli("run", "cartpole", "--out", "mine"), 2)
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["notes"]


@pytest.mark.parametrize(
    "old, new, expected",
    [
        ("import math\n", "import math\nimport no_such_package\n", "ModuleNotFoundError"),
        ("sim.ctrl.copy_(action)", "sim.ctrl.copy_(acton)", "NameError: name 'acton' is not defined"),
        ("class Cartpole(", "class Cartpol(", "has no class Cartpole"),
        ('"""(N,) m/s along the rail."""', '"""(N, 3) m/s along the rail."""', "must begin with the shape (N,)"),
        ('<mujoco model="cartpole">', "<mujoco>\n<nonsense/>", "nonsense"),
        ("control_period = 1 / 60", "control_period = 0.011", "not a multiple of the scene's timestep"),
        ("    def observe(", "    def observed(", "must define observe"),
    ],
)
def test_a_fault_in_a_users_task_is_one_sentence_and_leaves_nothing(
    cli: Cli, fakes, tmp_path: Path, old: str, new: str, expected: str
):
    shutil.copytree(shipped("tasks") / "cartpole", tmp_path / "cartpole")
    shutil.copy(shipped("tasks") / "cartpole.yaml", tmp_path)
    code = tmp_path / "cartpole" / "task.py"
    assert old in code.read_text()
    code.write_text(code.read_text().replace(old, new, 1))
    said = sentence(cli("run", "./cartpole.yaml", "--out", "run"), 2)
    assert expected in said
    assert not (tmp_path / "run").exists()


def test_help_is_there_at_once_and_imports_nothing_heavy(command: Cli):
    done = command("--help")
    assert done.returncode == 0
    for command in ("run", "resume", "inspect", "check", "doctor"):
        assert command in done.stdout
    code = (
        "import sys, eureka.cli.app; print([m for m in ('torch', 'mujoco', 'pydantic', 'jinja2') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_the_orchestrator_imports_neither_torch_nor_mujoco():
    code = "import sys, eureka.experiment.session, eureka.cli.show, eureka.cli.check, eureka.designers.evolutionary, "
    code += "eureka.designers.replay; print([m for m in ('torch', 'mujoco') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_doctor_says_what_this_machine_can_do_and_shows_no_key(cli: Cli):
    done = cli("doctor", OPENAI_API_KEY="sk-decoy-9999")
    assert done.returncode == 0, done.stdout + done.stderr
    for expected in (
        "torch 2.",
        "mujoco 4",
        "strict",
        "device",
        "ant, ant_v5, anymal, ball_balance, cartpole",
        "OPENAI_API_KEY",
    ):
        assert expected in done.stdout
    assert "sk-decoy" not in done.stdout


def test_a_dry_run_shows_prompt_and_estimate_and_makes_nothing(cli: Cli, fakes, tmp_path: Path):
    done = cli("run", "cartpole", "--dry-run")
    assert done.returncode == 0, done.stderr
    for expected in ("You design reward functions", "pole_angle", "tokens", "world-steps", "no model was called"):
        assert expected in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_run_of_more_than_eight_hours_asks_first_and_leaves_nothing(
    cli: Cli, fakes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr("eureka.experiment.estimate._FASTEST", {"cpu": 1e15})  # else it is refused before the estimate
    done = cli("run", "cartpole", "--steps", 1_000_000_000, "--out", "run")
    said = done.stderr.strip().splitlines()
    assert done.returncode == 2 and "add --yes" in said[-1] and "estimate:" in done.stdout
    assert not (tmp_path / "run").exists()


def test_a_reader_that_closes_the_pipe_is_no_error(recorded: Path):
    shown = f"{EUREKA} inspect {recorded} | head -1"
    done = subprocess.run(["bash", "-c", shown], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and "Traceback" not in done.stderr


def test_an_interrupt_before_the_run_began_leaves_nothing(tmp_path: Path):
    process = start_command("run", "cartpole", "--out", "run", cwd=tmp_path)
    deadline = time.monotonic() + 30
    while not (tmp_path / "run" / "workers.lock").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130 and "interrupted" in said and "Traceback" not in said
    assert not (tmp_path / "run").exists()


def test_a_reward_is_held_against_the_tasks_own_and_the_fitness(cli: Cli, tmp_path: Path):
    human = load_task("cartpole").reward_code("human")
    (tmp_path / "opposed.py").write_text(human.replace("return total,", "return -3.0 * total - 10.0,"))
    done = cli("check", "cartpole", "--reward", "opposed.py", "--episodes", 32)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.partition("the reward on these episodes:")[2].splitlines()
    _, *rows = [line.split() for line in lines if line.startswith("  ")]
    assert [row[0] for row in rows] == ["human", "sparse", "fitness"]
    assert rows[0][1] == "1.00" and rows[2][1] == "-"
    assert float(rows[0][2]) < -0.5 and float(rows[2][2]) < -0.5, "longer episodes cost more"
