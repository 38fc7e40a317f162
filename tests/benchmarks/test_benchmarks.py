"""Every benchmark can be imported; slow tests run those that have a quick size, and look at what they say."""

from __future__ import annotations

import inspect
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
    "train on Hopper-v5": ("train", "--environment", "Hopper-v5", "--peers", "sb3"),
    "gymnasium_steps": ("gymnasium_steps", "Ant-v5", "--price", "Ant-v5"),
    "population": ("population",),
    "memory": ("population", "--memory", "cartpole"),
    "overhead": ("overhead", "cartpole"),
    "loop": ("loop",),
    "workers": ("workers", "--ways", "one", "two"),
    "bird": ("bird",),
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
        assert result["benchmark"] == name.partition(" ")[0]
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
    for name, environment, hidden in (("train", "Ant-v5", [128, 128]), ("train on Hopper-v5", "Hopper-v5", [64, 64])):
        found = results[name]
        assert found["environment"] == environment
        assert set(found["steps_per_second"]) == {"ours", "bare", "sb3"}
        assert set(found["ours_over"]) == {"bare", "sb3"}
        assert set(found["memory_mib"]) == set(found["steps_per_second"])
        assert found["samples"] == found["worlds"] * found["learning"]["horizon"]
        assert found["learning"]["hidden"] == hidden


@pytest.mark.slow
def test_environments_are_stepped_with_the_same_observation_on_all_sides(results: dict[str, dict[str, Any]]) -> None:
    found = results["gymnasium_steps"]
    ant = found["environments"]["Ant-v5"]
    assert ant["with_contact_forces"]["observation_size"] == 105
    assert ant["without_contact_forces"]["observation_size"] == 27
    for variant in ant.values():
        assert set(variant["steps_per_second"]) == set(variant["best"]) == {"ours", "sync", "async"}
        assert set(variant["ours_over"]) == {"sync", "async"}
    assert found["contact_forces"]["Ant-v5"]["without_over_with"]["median"] > 0


def test_a_step_that_only_resets_an_environment_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    given = {"max_episode_steps": 1}  # every second step of gymnasium's is a reset
    worlds = load_file("stepping_under_test", FOLDER / "peers" / "stepping.py").GymnasiumWorlds(
        "Hopper-v5", given, 2, False
    )
    calls = iter(range(1000))
    monkeypatch.setattr("time.perf_counter", lambda: float(next(calls)))
    # The clock tells 0, 1, ...: three steps, of which the second resets, in 4 s until the loop ends.
    assert worlds.step(2.5)["steps_per_second"] == pytest.approx(2 * 2 / 4)
    worlds.close()


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
    found = results["overhead"]["tasks"]["cartpole"]
    for way in ("one core", "one member on one core", "one worker", "a worker a core"):
        share = found["share"][way]
        assert sum(part["median"] for part in share.values()) == pytest.approx(1.0, abs=0.02)
        assert {"physics", "learning", "policy", "noise", "state", "observe", "rewards"} <= set(share)
        assert 0 < found["outside"][way]["median"] < 1
    assert set(found["measured_over_model"]) == {"one worker", "a worker a core"}


def test_cores_share_physics_and_learning_and_workers_the_members():
    sys.path.insert(0, str(FOLDER))
    try:
        from overhead import predicted
    finally:
        sys.path.remove(str(FOLDER))
    # 4 members: 1 s an iteration by itself and 1 s for each member; half of it physics and learning.
    assert predicted(4, 5.0, 2.0, 0.5, 1) == {"one worker": 0.8, "a worker a core": 0.8}
    assert predicted(4, 5.0, 2.0, 0.5, 2) == {"one worker": 1.07, "a worker a core": 1.33}
    assert predicted(4, 5.0, 2.0, 0.5, 8) == {"one worker": 1.42, "a worker a core": 2.67}


@pytest.mark.slow
def test_parts_of_a_run_add_up_to_all_of_it(results: dict[str, dict[str, Any]]) -> None:
    seconds = {part: of["median"] for part, of in results["loop"]["seconds"].items()}
    total = seconds.pop("total")
    assert set(seconds) == {"start_up", "model", "sandbox", "training", "evaluation", "disk", "other"}
    assert sum(seconds.values()) == pytest.approx(total, rel=0.02)
    assert results["loop"]["trainings"] == 2


@pytest.mark.slow
def test_a_whole_search_is_held_against_as_many_trainings_of_another_library(
    results: dict[str, dict[str, Any]],
) -> None:
    found = results["bird"]
    seconds = dict(found["seconds"])
    total, search = seconds.pop("total"), seconds.pop("search")
    assert sum(seconds.values()) == pytest.approx(total, rel=0.02)
    assert search == pytest.approx(total - seconds["model"], rel=0.01)
    assert sum(found["generation_seconds"].values()) == pytest.approx(seconds["generations"], rel=0.02)
    assert found["trainings"] == {"generations": 4, "validation": 2, "final_comparison": 2}
    assert set(found["fitness"]) == {"evolved", "human"}
    assert set(found["sb3"]) == set(found["sb3_over_search"]) == {"our_sizes", "its_sizes"}
    for sizes in found["sb3"].values():
        assert sizes["seconds_of_all"] == pytest.approx(4 * sizes["seconds_of_one"], rel=0.02)


def test_time_between_the_sessions_of_a_search_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    bird = load_file("bird_under_test", FOLDER / "bird.py")
    journal = [
        ("started", 3.0, {}),
        ("prompt", 4.0, {}),
        ("answer", 9.0, {}),
        ("verdict", 11.0, {}),
        ("training", 11.0, {"training": "generation-1-0"}),
        ("checkpoint", 21.0, {"training": "generation-1-0"}),  # it is killed soon after, and resumed at 100
        ("trained", 112.0, {"training": "generation-1-0"}),
        ("finalists", 113.0, {}),
        ("trained", 120.0, {"training": "validation"}),
        ("trained", 140.0, {"training": "final-1"}),
        ("finished", 141.0, {}),
    ]
    events = [{"event": kind, "time": at, **more} for kind, at, more in journal]
    spans = bird.spans([{"begun": 1.0, "ended": None}, {"begun": 100.0, "ended": 143.0}], events)
    assert spans == [(1.0, 21.0), (100.0, 143.0)]
    seconds, generations = bird.parts(events, spans)
    assert seconds == {
        "start_up": 3.0,
        "prompting": 0.0,
        "model": 5.0,
        "compiling": 2.0,
        "generations": 22.0,
        "validation": 7.0,
        "final_comparison": 21.0,
        "rest": 3.0,
    }
    assert generations == {"1": 22.0}


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


def test_both_sides_train_on_the_same_ant_for_the_same_reward() -> None:
    loaded = load_task(str(FOLDER / "ant_v5.yaml"))
    task = load_class(loaded)
    env = Env(task, ThreadPhysics(compile_scene(task.scene()), 1, 1), torch.zeros(1, dtype=torch.int64), "test")
    env.reset()
    given = {name: value for name, value in loaded.file.kwargs.items() if name != "fitness"}
    theirs: Any = gymnasium.make("Ant-v5", **given).unwrapped
    theirs.reset(seed=0)
    theirs.set_state(env.physics.qpos[0].numpy().copy(), env.physics.qvel[0].numpy().copy())
    names: dict[str, Any] = {}
    exec(loaded.reward_code("human"), names)
    wanted = inspect.signature(names["compute_reward"]).parameters
    chance = np.random.default_rng(0)
    for _ in range(200):
        action = chance.uniform(-1.0, 1.0, 8).astype(np.float32)
        observation, reward, terminated, _, _ = theirs.step(action)
        step = env.step(
            torch.from_numpy(action)[None, None],
            lambda s: names["compute_reward"](**{name: s[name] for name in wanted})[0][None],
        )
        np.testing.assert_allclose(step.terminal_observation[0, 0], observation, rtol=1e-5, atol=1e-5)
        assert bool(step.terminated) == terminated
        assert float(step.reward) == pytest.approx(reward, rel=1e-5, abs=1e-5)
        if terminated:
            break
    assert terminated
