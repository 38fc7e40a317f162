"""The promise of sameness for environments by id: whatever the population's cut, the threads and the interruptions."""

from __future__ import annotations

from pathlib import Path

import pytest

from eureka.config.settings import Evaluation, Learning, Plan
from eureka.config.tasks import EnvironmentFile
from eureka.envs.gymnasium.env import GymnasiumTask
from eureka.physics.backend import Backend
from eureka.rewards.program import own_reward
from eureka.rl.training import Training
from eureka.runs.candidate import Outcome

PLAN = Plan(
    worlds=4,
    iterations=4,
    learning=Learning(horizon=16, hidden=(8,), epochs=2, minibatches=2),
    evaluation=Evaluation(checkpoints=4, selection_episodes=2, report_episodes=2),
    seed=0,
    purpose="search",
)


@pytest.fixture(scope="module", params=["Hopper-v5", "CartPole-v1"])
def task(request: pytest.FixtureRequest) -> GymnasiumTask:
    return GymnasiumTask(EnvironmentFile(name="x", task=f"gymnasium:{request.param}"))


def training(task: GymnasiumTask, seeds: list[int], threads: int = 1) -> Training:
    return Training(task, None, [own_reward(PLAN.worlds)] * len(seeds), seeds, PLAN, Backend("cpu", threads))


def outcomes(trained: Training, folder: Path | None = None) -> list[Outcome]:
    def keep(number: int) -> None:
        if folder:
            trained.save(folder / f"{number}")

    return trained.run(lambda _: None, keep)


@pytest.fixture(scope="module")
def whole(task: GymnasiumTask, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Outcome], Path]:
    folder = tmp_path_factory.mktemp("whole")
    return outcomes(training(task, [3, 4]), folder), folder


def test_members_alone_and_on_other_threads_train_to_the_same_numbers(task: GymnasiumTask, whole):
    for p, seed in enumerate([3, 4]):
        (alone,) = outcomes(training(task, [seed], threads=2))
        assert alone == whole[0][p]


def test_a_training_that_is_gone_on_with_ends_in_the_same_numbers(task: GymnasiumTask, whole):
    expected, folder = whole
    together = training(task, [3, 4])
    together.load([(folder / "1", 0), (folder / "1", 1)])
    assert outcomes(together) == expected
    half = training(task, [4])
    half.load([(folder / "0", 1)])
    assert outcomes(half) == expected[1:]
