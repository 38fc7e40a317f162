"""Whole searches of a task that a command trains."""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml
from support.cli import Cli

from eureka.runs.history import candidates_of
from eureka.runs.journal import TrainedEvent, read_journal

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
BEGIN = """
import hashlib, json, os, time

out, seed, steps = os.environ["EUREKA_OUT"], int(os.environ["EUREKA_SEED"]), int(os.environ["EUREKA_STEPS"])
with open("begun.txt", "a") as file:
    file.write(os.environ["EUREKA_OUT"] + "\\n")
"""
HASHED = """
mark = hashlib.sha256(open(os.environ["EUREKA_REWARD"]).read().encode()).hexdigest()
mean, means = int(mark, 16) % 97 / 97 + seed % 7 / 70, {}
"""
COMPUTED = """
import importlib.util, inspect
import torch

spec = importlib.util.spec_from_file_location("reward", os.environ["EUREKA_REWARD"])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
chance = torch.Generator().manual_seed(seed)
fields = {"position": torch.randn(64, generator=chance), "speed": torch.randn(64, 2, generator=chance)}
fields = {name: fields[name] for name in inspect.signature(module.compute_reward).parameters}
total, components = module.compute_reward(**fields)
mean, means = float(total.mean()), {name: float(part.mean()) for name, part in components.items()}
"""
END = """
with open(out + "/progress.jsonl", "w") as file:
    for k in range(1, 11):
        line = {"step": k * steps // 10, "fitness": mean + k, "total": mean, "components": means}
        print(json.dumps(line), file=file, flush=True)
        time.sleep(PAUSE)
"""
HUMAN = """
def compute_reward(position, speed):
    near = -position.abs()
    slow = -0.1 * speed.norm(dim=-1)
    return near + slow, {"near": near, "slow": slow}
"""


def toy(folder: Path, pause: float = 0.0, computes: bool = False, **preset: object) -> Path:
    """A task whose command trains nothing; unless it `computes` the reward, which takes torch, its number is a hash."""
    train = BEGIN + (COMPUTED if computes else HASHED) + END.replace("PAUSE", str(pause))
    (folder / "train.py").write_text(train)
    (folder / "human.py").write_text(HUMAN)
    sizes = {"generations": 2, "samples": 3, "steps": 1000, "final_seeds": 2, "finalists": 2, "validation_seeds": 1}
    content = {
        "name": "toy",
        "description": "reach the origin",
        "trainer": {"command": ["{python}", "train.py"]},
        "state": {
            "position": {"doc": "distance to the goal", "unit": "m"},
            "speed": {"doc": "velocity", "unit": "m/s", "shape": [2]},
        },
        "action": {"size": 2, "doc": "The force."},
        "horizon": 100,
        "control_period": 0.05,
        "fitness": {"name": "nearness", "unit": "m"},
        "human": "human.py",
        "presets": {"cpu": sizes | preset},
    }
    (folder / "toy.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder / "toy.yaml"


@pytest.mark.parametrize("computes", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_search_with_a_race_ends_in_a_comparison_and_can_be_looked_at(cli: Cli, tmp_path: Path, computes: bool):
    path = toy(tmp_path, computes=computes, racing={"rungs": [0.5], "keep": 0.5})
    done = cli("run", path, "--out", "run", "--workers", 3, "--yes")
    assert done.returncode == 0, done.stderr
    assert "trained by the task's command, not isolated   3 commands at a time" in done.stdout
    assert "the task's command decides how long they take" in done.stdout
    journal = read_journal(tmp_path / "run")
    end = journal.finished
    assert end is not None and [arm.name for arm in end.comparison.arms] == ["evolved", "human"]
    found = candidates_of(journal)
    winner = found[end.winner]
    assert (
        winner.trained and winner.trained.steps == 1000 and winner.trained.curves.fitness[-1] == winner.trained.report
    )
    dropped = [c.dropped for c in found.values() if c.dropped]
    assert dropped and all(one.steps == 500 for one in dropped)
    assert (tmp_path / "run/candidates" / winner.name / "output/progress.jsonl").is_file()
    for command in (["inspect", "run"], ["report", "run"], ["export", "run", "-o", "reward.py"]):
        assert cli(*command).returncode == 0, command
    prompt = next((tmp_path / "run/prompts").glob("1.0*")).read_text()
    assert "by a program of the user's" in prompt and "nearness (m), higher is better" in prompt
    assert "A training has 1,000 steps." in prompt and "PPO" not in prompt
    reflection = next((tmp_path / "run/candidates").glob("1.*/reflection.md")).read_text()
    assert "At the end, it has a fitness (m) of" in reflection and "noisy" not in reflection
    longer = cli("resume", "run", "--generations", 1, "--yes")
    assert longer.returncode == 0, longer.stderr
    assert len(candidates_of(read_journal(tmp_path / "run"))) == 9
    again = cli("compare", "run", "mine=human", "--seeds", 2, "--out", "again", "--yes")
    assert again.returncode == 0, again.stderr
    played = cli("play", "run")
    assert played.returncode == 2 and "it cannot be played or exported here" in played.stderr
    best = cli("inspect", "run", "--best")
    assert "fitness " in best.stdout and "episodes" not in best.stdout
    told = cli("inspect", "run", "--candidate", winner.parents[0] if winner.parents else winner.name, "--reflection")
    assert "At the end, it has a fitness (m) of" in told.stdout and "report" in told.stdout


def test_after_a_kill_finished_trainings_are_not_repeated(cli: Cli, tmp_path: Path):
    import signal
    import subprocess
    import time

    path = toy(tmp_path, pause=0.1, generations=1, final_seeds=0, validation_seeds=0)
    run = tmp_path / "run"
    command = [sys.executable, "-m", "eureka", "run", str(path), "--out", str(run), "--yes"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    begun = tmp_path / "begun.txt"
    while not begun.exists() or len(begun.read_text().splitlines()) < 2:
        time.sleep(0.05)
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = cli("resume", "run")
    assert done.returncode == 0, done.stderr
    times = Counter(begun.read_text().splitlines())
    assert len(times) == 3 and sorted(times.values()) == [1, 1, 2]  # the second one was cut short


def test_a_command_that_always_fails_ends_in_its_reason(cli: Cli, tmp_path: Path):
    path = toy(tmp_path, generations=1, samples=2, final_seeds=0)
    path.write_text(path.read_text().replace("train.py", "trian.py"))
    done = cli("run", path, "--out", "run", "--yes")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "no candidate of 2 could be trained; the last one failed: " in done.stderr and "trian.py" in done.stderr
    alone = cli("train", path, "--reward", "human", "--seeds", 1, "--out", "alone")
    assert alone.returncode == 1 and "No training of the human reward reached its end." in alone.stdout
    assert "The first one failed: train: the command ended with exit code 2; it printed last: " in alone.stdout


def test_a_resumed_run_is_refused_once_the_script_has_changed(cli: Cli, tmp_path: Path):
    path = toy(tmp_path, generations=1, samples=1, final_seeds=0)
    (tmp_path / "data.bin").write_bytes(bytes(2_000_000))
    path.write_text(path.read_text().replace("- train.py", "- train.py\n  - data.bin"))
    assert cli("run", path, "--out", "run", "--yes").returncode == 0
    assert (tmp_path / "run/task/train.py").is_file() and not (tmp_path / "run/task/data.bin").exists()
    with open(tmp_path / "train.py", "a") as file:
        file.write("# changed\n")
    refused = cli("resume", "run", "--generations", 1, "--yes")
    assert refused.returncode == 2 and "train.py was changed since the run began" in refused.stderr


def test_a_failing_command_fails_its_candidate_alone_and_is_told_to_the_designer(cli: Cli, tmp_path: Path):
    path = toy(tmp_path, generations=2, final_seeds=0)
    text = (tmp_path / "train.py").read_text()
    odd = (
        'import hashlib\nif int(hashlib.sha256(open(os.environ["EUREKA_REWARD"]).read().encode()).hexdigest(), 16) % 3'
    )
    (tmp_path / "train.py").write_text(text + f'{odd} == 0:\n    raise MemoryError("too small a GPU")\n')
    done = cli("run", path, "--out", "run", "--samples", 6, "--yes")
    assert done.returncode == 0, done.stderr
    failed = [c.failed for c in candidates_of(read_journal(tmp_path / "run")).values() if c.failed]
    assert failed and all("exit code 1; it printed last:" in f.message for f in failed)
    assert all("MemoryError: too small a GPU" in f.message for f in failed)
    journal = read_journal(tmp_path / "run")
    for name, candidate in candidates_of(journal).items():
        if not candidate.duplicate_of:
            output = tmp_path / "run/candidates" / name / "output"
            assert ("too small a GPU" in (output / "output.log").read_text()) == bool(candidate.failed), name
    by_folder = dict(pair for event in journal.all(TrainedEvent) for pair in event.by_folder())
    for name, candidate in candidates_of(journal).items():
        if candidate.trained and not candidate.duplicate_of:
            assert by_folder[f"candidates/{name}"].report == candidate.trained.report


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--device", "cuda"], "the command chooses its device"),
        (["--executor", "ray"], "a training command runs on this machine"),
        (["--devices", "gpu0"], "'gpu0' is not a GPU"),
        (["--envs", "8"], "worlds has no effect on toy, since its own command trains"),
        (["--workers", "0"], "--workers must be at least 1"),
    ],
)
def test_options_that_need_our_trainer_are_refused(cli: Cli, tmp_path: Path, arguments: list[str], expected: str):
    done = cli("run", toy(tmp_path), *arguments)
    assert done.returncode == 2 and expected in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("example", "steps"),
    [
        ("stable_baselines3/pendulum", 400),
        ("stable_baselines3/hopper", 1024),
        ("single_file_ppo/hopper", 1024),
        ("rsl_rl/hopper", 1024),
    ],
)
def test_the_examples_search_through_a_command_to_a_comparison(cli: Cli, tmp_path: Path, example: str, steps: int):
    shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    sizes = ["--steps", steps, "--seeds", 2, "--workers", 2, "--yes"]
    done = cli("run", tmp_path / "examples" / f"{example}.yaml", "--out", "run", *sizes)
    assert done.returncode == 0, done.stderr
    end = read_journal(tmp_path / "run").finished
    assert end is not None and {arm.name for arm in end.comparison.arms} == {"evolved", "human"}
    kept = [*(tmp_path / "run/candidates").glob("*/output/policy.*")]
    assert len(kept) == 8
    lines = [json.loads(line) for line in (kept[0].parent / "progress.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == steps and lines[-1]["components"]


def test_a_reward_is_checked_without_a_training(cli: Cli, tmp_path: Path):
    path = toy(tmp_path)
    done = cli("check", path, "--reward", "human")
    assert done.returncode == 0, done.stderr
    assert "near" in done.stdout and "values on states drawn from a normal distribution" in done.stdout
    assert "to run it once: eureka train toy.yaml --reward human --seeds 1 --steps N" in done.stdout
    done = cli("check", path, "--film", "x.webp")
    assert done.returncode == 2 and "cannot be played here" in done.stderr
