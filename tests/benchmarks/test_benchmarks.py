"""Every benchmark can be imported; slow tests run those that have a quick size, and look at what they say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch

from eureka.config.tasks import load_task
from eureka.envs.env import Env
from eureka.envs.introspection import load_class
from eureka.physics.base import compile_scene
from eureka.physics.threads import ThreadPhysics
from eureka.system.paths import load_file

FOLDER = Path(__file__).parents[2] / "benchmarks"
COMMON = ("benchmark", "date", "commit", "versions", "machine")
SCRIPTS = {
    "physics": ("physics", "cartpole"),
    "train": ("train", "--peers", "sb3"),
    "population": ("population",),
    "memory": ("population", "--memory", "cartpole"),
    "overhead": ("overhead", "cartpole"),
    "loop": ("loop",),
    "workers": ("workers", "--ways", "one", "two"),
}


def run(script: str, *arguments: object) -> dict[str, Any]:
    command = [sys.executable, str(FOLDER / f"{script}.py"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "script", sorted(p.relative_to(FOLDER) for p in (*FOLDER.glob("*.py"), *FOLDER.glob("*/*.py"))), ids=str
)
def test_every_script_can_be_imported(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])
    monkeypatch.setattr(os, "environ", dict(os.environ))
    before = dict(sys.modules)
    try:
        load_file(f"benchmark_{script.stem}", FOLDER / script)
    finally:
        own = [name for name, module in sys.modules.items() if str(FOLDER) in (getattr(module, "__file__", None) or "")]
        for name in set(own) - set(before):
            del sys.modules[name]


@pytest.fixture(scope="module")
def results() -> dict[str, dict[str, Any]]:
    before = {path: path.read_bytes() for path in FOLDER.glob("history/*")}
    with ThreadPoolExecutor(2) as two:  # most of it is waiting for processes to start
        found = dict(zip(SCRIPTS, two.map(lambda script: run(*script, "--quick"), SCRIPTS.values()), strict=True))
    assert {path: path.read_bytes() for path in FOLDER.glob("history/*")} == before
    return found


@pytest.mark.slow
def test_every_benchmark_says_what_ran_where_and_when(results: dict[str, dict[str, Any]]) -> None:
    for name, result in results.items():
        assert set(COMMON) <= set(result), name
        assert result["benchmark"] == name
        assert {"processor", "cores", "memory_gib", "gpu"} == set(result["machine"])
        assert {"eureka", "torch", "mujoco"} <= set(result["versions"])


@pytest.mark.slow
def test_rates_of_the_levels_are_told_apart(results: dict[str, dict[str, Any]]) -> None:
    found = results["physics"]["tasks"]["cartpole"]
    assert set(found["steps_per_second"]) == {"bare", "bare_persistent", "physics", "env", "training"}
    assert set(found["training_parts_per_second"]) == {"env", "policy", "learning"}
    assert set(found["over_bare"]) == {"bare_persistent", "physics", "env", "training"}


@pytest.mark.slow
def test_learners_are_compared_on_equal_sizes(results: dict[str, dict[str, Any]]) -> None:
    found = results["train"]
    assert set(found["steps_per_second"]) == {"ours", "bare", "sb3"}
    assert set(found["ours_over"]) == {"bare", "sb3"}
    assert set(found["memory_mib"]) == set(found["steps_per_second"])
    assert found["samples"] == found["worlds"] * found["learning"]["horizon"]
    assert found["learning"]["hidden"] == [128, 128]


@pytest.mark.slow
def test_a_population_is_held_against_both_other_ways(results: dict[str, dict[str, Any]]) -> None:
    found = results["population"]
    assert set(found["seconds"]) == {"one", "sequential", "processes"}
    assert all(set(by) == {"2"} for by in found["seconds"].values())
    assert set(found["over_one"]) == {"sequential", "processes"}


@pytest.mark.slow
def test_a_populations_memory_is_that_of_its_process(results: dict[str, dict[str, Any]]) -> None:
    found = results["memory"]
    assert found["peak_mib"] >= found["before_mib"] > 50


@pytest.mark.slow
def test_parts_of_a_training_step_add_up_to_all_of_it(results: dict[str, dict[str, Any]]) -> None:
    found = results["overhead"]
    assert sum(part["median"] for part in found["share"].values()) == pytest.approx(1.0, abs=0.02)
    assert {"physics", "learning", "policy", "noise", "state", "observe", "rewards"} <= set(found["share"])
    assert 0 < found["outside"]["median"] < 1


@pytest.mark.slow
def test_parts_of_a_run_add_up_to_all_of_it(results: dict[str, dict[str, Any]]) -> None:
    seconds = {part: of["median"] for part, of in results["loop"]["seconds"].items()}
    total = seconds.pop("total")
    assert set(seconds) == {"start_up", "model", "sandbox", "training", "evaluation", "disk", "other"}
    assert sum(seconds.values()) == pytest.approx(total, rel=0.02)
    assert results["loop"]["trainings"] == 2


@pytest.mark.slow
def test_ways_of_training_a_generation_are_held_against_one_process(results: dict[str, dict[str, Any]]) -> None:
    found = results["workers"]
    assert set(found["seconds"]) == set(found["start_seconds"]) == {"one", "two"}
    assert found["over_one"]["one"]["median"] == 1.0


@pytest.mark.slow
def test_the_picture_is_drawn_from_what_the_benchmarks_keep(results: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    for name in ("train", "population", "overhead"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(results[name]) + "\n")
    picture = tmp_path / "picture.svg"
    command = [sys.executable, str(FOLDER / "plot.py"), "--history", str(tmp_path), "--output", str(picture)]
    subprocess.run(command, check=True)
    drawn = picture.read_text()
    for learner in ("bare", "ours", "sb3"):
        assert f"{results['train']['steps_per_second'][learner]['median']:,.0f}" in drawn


@pytest.mark.slow
def test_curves_of_both_learners_are_drawn_with_their_difference(tmp_path: Path) -> None:
    sizes = ("--seeds", 2, "--steps", 8192, "--episodes", 4, "--threads", 1)
    found = run("curves", "cartpole", *sizes, "--out", tmp_path / "curves.svg", "--no-history")["tasks"]["cartpole"]
    for who in ("ours", "rsl_rl", "ours_alike", "rsl_rl_alike"):
        assert len(found[who]["fitness"]) == 2 and len(found[who]["fitness"][0]) == len(found["steps"])
    assert found["as_they_are"]["last_checkpoint"]["within_noise"] in (True, False)
    assert "rsl_rl" in (tmp_path / "curves.svg").read_text()


@pytest.fixture
def ants() -> tuple[Env, Any]:
    """Our world and gymnasium's."""
    task = load_class(load_task(str(FOLDER / "ant_v5.yaml")))
    env = Env(task, ThreadPhysics(compile_scene(task.scene()), 1, 1), torch.zeros(1, dtype=torch.int64), "test")
    env.reset()
    theirs: Any = gymnasium.make("Ant-v5", include_cfrc_ext_in_observation=False, contact_cost_weight=0.0).unwrapped
    theirs.reset(seed=0)
    return env, theirs


def test_our_ant_v5_is_gymnasiums(ants: tuple[Env, Any]) -> None:
    env, theirs = ants
    theirs.set_state(env.physics.qpos[0].numpy().copy(), env.physics.qvel[0].numpy().copy())
    assert env.task.horizon == gymnasium.spec("Ant-v5").max_episode_steps
    assert env.task.control_period == pytest.approx(theirs.dt)
    compute_reward = load_file("ant_v5_reward", FOLDER / "ant_v5" / "reward.py").compute_reward
    chance = np.random.default_rng(0)
    for _ in range(100):
        action, before = chance.uniform(-1.5, 1.5, 8).astype(np.float32), theirs.data.qpos[0]
        observation, reward, terminated, _, info = theirs.step(action.clip(-1, 1))
        step = env.step(
            torch.from_numpy(action)[None, None],
            lambda s: compute_reward(s["forward_velocity"], s["healthy"], s["action"])[0][None],
        )
        np.testing.assert_allclose(step.terminal_observation[0, 0], observation, atol=2e-5)
        assert bool(step.terminated) == terminated
        # Gymnasium's velocity is that of one substep before.
        reward += (theirs.data.qpos[0] - before) / theirs.dt - info["x_velocity"]
        assert float(step.reward) == pytest.approx(reward, abs=1e-4)
        if terminated:
            break


def test_our_ant_v5_ends_as_gymnasiums_with_the_return_as_its_fitness(ants: tuple[Env, Any]) -> None:
    env, theirs = ants
    returns = 0.0
    for height, ends in ((0.25, False), (0.95, False), (1.3, True)):
        position, velocity = env.physics.model.qpos0.copy(), np.zeros(14)
        position[2], velocity[0] = height, 1.0
        theirs.set_state(position, velocity)
        _, reward, terminated, _, info = theirs.step(np.zeros(8))
        returns += reward - info["x_velocity"] + theirs.data.qpos[0] / theirs.dt
        env.physics.assign(
            torch.ones(1, dtype=torch.bool), qpos=torch.tensor(position)[None], qvel=torch.tensor(velocity)[None]
        )
        step = env.step(torch.zeros(1, 1, 8))
        assert terminated == ends
        assert bool(step.terminated) == ends
    assert float(step.fitness) == pytest.approx(returns, abs=1e-4)
