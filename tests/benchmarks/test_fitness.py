"""The comparison of fitness with stable-baselines3: the peer is its own PPO, and both sides are judged alike."""

from __future__ import annotations

import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import fitness
import judging
from peers import zoo


@pytest.mark.parametrize("settings", ["default", "zoo"])
def test_the_quick_forward_pass_is_that_of_stable_baselines3(settings: str):
    env = gymnasium.make("Hopper-v5")
    more = {"optimizer_kwargs": {"eps": 1e-5}} | (zoo.ZOO["Hopper-v5"]["policy_kwargs"] if settings == "zoo" else {})
    torch.manual_seed(0)
    policy = zoo._Quick(env.observation_space, env.action_space, lambda _: 3e-4, **more)
    seen = torch.randn(16, 11)
    torch.manual_seed(1)
    quick = policy(seen)
    torch.manual_seed(1)
    own = zoo.ActorCriticPolicy.forward(policy, seen)
    for mine, theirs in zip(quick, own, strict=True):
        assert torch.allclose(mine.reshape(theirs.shape), theirs, atol=1e-5)
    env.close()


@pytest.mark.parametrize(("settings", "samples"), [("default", 2048), ("zoo", 512)])
def test_the_quick_update_is_that_of_stable_baselines3(settings: str, samples: int):
    seen, found = np.random.default_rng(0).normal(size=(5, 11)).astype(np.float32), []
    for quick in (True, False):
        keep = lambda number, act: found.append(act(seen)) or False  # noqa: E731
        zoo.train("Hopper-v5", settings, 3, samples, 1, keep, quick=quick)
    mine, theirs = found
    assert np.abs(mine).mean() > 0.05 and np.allclose(mine, theirs, atol=1e-4)


def test_a_policy_is_judged_by_the_fitness_of_its_task():
    still = lambda observation: np.zeros((len(observation), 1))  # noqa: E731
    found, returns = judging.judge("inverted_pendulum_balance", still, 3, 7)
    env = gymnasium.make("InvertedPendulum-v5")
    for i, (survived, total) in enumerate(zip(found, returns, strict=True)):
        env.reset(seed=7 + i)
        steps = 1
        while not env.step(np.zeros(1))[2]:
            steps += 1
        assert survived == steps / 1000 and total == steps - 1, "the last step has no reward"
    forward = lambda observation: np.tile([1.0, -1.0], (len(observation), 1))  # noqa: E731
    (moved,), _ = judging.judge("swimmer_forward", forward, 1, 3)
    env = gymnasium.make("Swimmer-v5")
    start = float(env.reset(seed=3)[1]["x_position"])
    for _ in range(1000):
        info = env.step(np.array([1.0, -1.0]))[4]
    assert moved == pytest.approx(info["x_position"] - start)


def test_the_best_checkpoint_is_chosen_by_other_episodes_than_those_that_judge_it(monkeypatch: pytest.MonkeyPatch):
    asked: list[tuple[int, int]] = []

    def judge(task: str, act: judging.Act, episodes: int, first: int) -> tuple[list[float], list[float]]:
        asked.append((episodes, first))
        value = float(act(np.zeros(1))[0])
        return ([value] if first >= judging.REPORT else [value + 0.5]), [10 * value]

    monkeypatch.setattr(fitness, "judge", judge)
    measure = fitness.Measure("hopper_hop")
    for number, value in enumerate([1, 3, 2, 2, 2, 2, 2, 2, 2, 1], 1):
        measure.keep(number, lambda observation, value=value: np.array([value]))
    found = measure.result()
    assert (found["fitness"], found["last_fitness"]) == (3, 1)
    assert found["selection"][:2] == [1.5, 3.5] and found["return"] == 30
    assert asked.count((fitness.REPORT_EPISODES, judging.REPORT)) == 3, "of checkpoints 1 and 2, and of the last one"
    assert len({first for episodes, first in asked if episodes == fitness.SELECTION_EPISODES}) == 10


@pytest.mark.parametrize(
    ("task", "selection", "report", "ends"),
    [
        ("inverted_pendulum_balance", [1.0, 1.0], [1.0, 1.0], True),
        ("inverted_pendulum_balance", [1.0, 1.0], [1.0, 0.9], False),
        ("inverted_pendulum_balance", [1.0, 0.9], [1.0, 1.0], False),
        ("hopper_hop", [1e9, 1e9], [1e9, 1e9], False),
    ],
)
def test_a_training_ends_where_no_policy_can_be_better(
    task: str, selection: list[float], report: list[float], ends: bool, monkeypatch: pytest.MonkeyPatch
):
    found = {fitness.SELECTION_EPISODES: selection, fitness.REPORT_EPISODES: report}
    monkeypatch.setattr(fitness, "judge", lambda task, act, episodes, first: (found[episodes], [0.0]))
    assert fitness.Measure(task).keep(1, lambda x: x) is ends


def test_the_peer_is_trained_with_its_better_settings(tmp_path: Path):
    def made(side: str, seed: int, value: float) -> None:
        fitness.write(fitness.path(tmp_path, "reacher_reach", side, seed), {"fitness": value})

    def wanted() -> list[tuple[str, int]]:
        return [
            job[1:] for job in fitness.wanted(tmp_path, ["reacher_reach"]) if not fitness.path(tmp_path, *job).exists()
        ]

    assert wanted() == [("default", 100), ("zoo", 100), ("default", 101), ("zoo", 101)]
    made("default", 100, -0.1)
    made("default", 101, -0.2)
    made("zoo", 100, -0.25)
    assert wanted() == [("zoo", 101)], "not far worse: the second seed may decide"
    made("zoo", 100, -0.4)
    assert wanted() == [("default", seed) for seed in range(3)] and fitness.better(tmp_path, "reacher_reach")
    made("zoo", 100, -0.25)
    made("zoo", 101, -0.01)
    assert fitness.better(tmp_path, "reacher_reach") == "zoo"


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [
        ([12.0, 12.1, 11.9], "better"),
        ([10.0, 10.1, 9.9], "as good"),
        ([5.0, 5.1, 4.9], "worse"),
        ([4, 10, 16], "undecided"),
    ],
)
def test_a_verdict_needs_the_whole_interval_on_one_side(ours: list[float], verdict: str):
    found = fitness._verdict(ours, [10.0, 10.2, 9.8])
    assert found["verdict"] == verdict and found["bar"] == pytest.approx(-1.0)
