"""The parameters of a training change at the iterations that its stages and ramps say."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support.leaning import HUMAN, write_task

from eureka.config.parameters import Curriculum, Stage
from eureka.config.settings import Evaluation, Learning, Plan
from eureka.config.tasks import load_task
from eureka.envs.env import Env
from eureka.envs.introspection import load_class, random_states
from eureka.errors import UserError
from eureka.physics.backend import Backend
from eureka.physics.base import compile_scene
from eureka.rewards.program import Field, rebuild
from eureka.rewards.statistics import EpisodeMoments
from eureka.rl.training import Training
from eureka.runs.candidate import Trained
from eureka.system.paths import load_sandbox
from eureka.testing import worlds

LEARNING = Learning(horizon=16, hidden=(8,), epochs=1, minibatches=1)
STAGES = Curriculum(
    {"angle_limit": 0.5, "push": {"start": 1.0, "end": 0.2}},
    (Stage(share=0.5, parameters={"angle_limit": 1.0}), Stage()),
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_task(tmp_path_factory.mktemp("task"))


def training(home: Path, curriculum: Curriculum, members: int = 1) -> Training:
    task = load_class(load_task(str(home)), curriculum)
    states = random_states(task, worlds(task, 4))
    fields = {name: Field(tuple(v.shape[1:]), "float32") for name, v in states.items()}
    program = rebuild(load_sandbox("trace").compile_reward(HUMAN, fields), fields, 32)
    evaluation = Evaluation(checkpoints=4, selection_episodes=2, report_episodes=2)
    plan = Plan(32, 8, LEARNING, evaluation, 0, "search", curriculum=curriculum)
    model = compile_scene(task.scene())
    return Training(task, model, [program] * members, [3, 4][:members], plan, Backend("cpu", 1))


def values(made: Training) -> tuple[float, float]:
    assert isinstance(made.env, Env)
    return tuple(round(made.env.parameters[name][0].item(), 4) for name in ("angle_limit", "push"))  # type: ignore[return-value]


def test_each_iteration_has_the_values_of_its_stage_and_of_the_ramp(home: Path):
    made = training(home, STAGES)
    seen = []
    for _ in range(8):
        made.iterate()
        seen.append(values(made))
    assert [limit for limit, _ in seen] == [1.0] * 4 + [0.5] * 4
    # from 1 to 0.2 in eight iterations: 1 - 0.8 i / 7
    assert [push for _, push in seen] == pytest.approx([1 - 0.8 * i / 7 for i in range(8)], abs=1e-4)


def test_an_end_that_is_decided_in_the_training_counts(home: Path):
    made = training(home, STAGES)
    made.stage_ends = (2,)
    limits = []
    for _ in range(4):
        made.iterate()
        limits.append(values(made)[0])
    assert limits == [1.0, 1.0, 0.5, 0.5]


def test_evaluation_has_the_parameters_of_the_end(home: Path):
    made = training(home, STAGES)
    player = made._player(made.learner.policy, made.learner.observations, "selection")
    made.iterate()
    assert isinstance(player.env, Env)
    assert player.env.parameters["angle_limit"].tolist() == [0.5, 0.5] and values(made)[0] == 1.0
    assert player.env.parameters["push"].tolist() == pytest.approx([0.2, 0.2])


@pytest.mark.parametrize("drawn", [False, True])
def test_a_training_resumed_inside_a_stage_ends_in_the_same_bits(home: Path, tmp_path: Path, drawn: bool):
    limit = {"uniform": [0.3, 0.6]} if drawn else 0.5
    curriculum = Curriculum(STAGES.parameters | {"angle_limit": limit}, STAGES.stages)
    whole = training(home, curriculum, members=2)
    saved: list[Path] = []

    def save(number: int) -> None:
        saved.append(tmp_path / str(number))
        whole.save(saved[-1])

    outcomes = whole.run(lambda _: None, save)
    for number in (0, 1, 2):  # within the first stage, at its end, and within the second
        again = training(home, curriculum, members=2)
        again.load([(saved[number], 0), (saved[number], 1)])
        assert again.run(lambda _: None, lambda _: None) == outcomes
        assert torch.equal(again.learner.policy.flat, whole.learner.policy.flat)
    assert isinstance(outcomes[0], Trained) and set(outcomes[0].metrics) == {"tilt"}
    assert outcomes[0].merit == (-outcomes[0].metrics["tilt"],), "less of it is better"
    assert len(outcomes[0].curves.metrics["tilt"]) == 4


def test_of_checkpoints_with_equal_fitness_the_one_with_the_better_metrics_is_kept(home: Path):
    made = training(home, Curriculum({}))
    for tilt in (0.5, 0.3, 0.4):
        made.iteration += 2
        found = made._evaluate(made.learner.policy, made.learner.observations, "selection")
        found.fitness.fill_(7.0)
        found.metrics["tilt"].fill_(tilt)
        made._evaluate = lambda *_, found=found: found  # type: ignore[method-assign]
        made._curves[0]._segment.totals = made._curves[0]._segment.kl = [0.0]
        made._curves[0]._segment.components = made._curves[0]._segment.sizes = {"upright": [0.0]}
        made._curves[0]._segment.episodes_of = {"upright": EpisodeMoments()}
        made._curves[0]._segment.least = made._curves[0]._segment.greatest = {"upright": 0.0}
        made._checkpoint()
        del made._evaluate
    assert made._best_at == [1]


def test_a_metric_that_is_not_finite_is_the_tasks_fault(home: Path):
    made = training(home, Curriculum({}))
    made.task.measure = lambda state, memory: {"tilt": state.pole_angle / 0.0}  # type: ignore[method-assign,union-attr]
    with pytest.raises(UserError, match="Leaning: the metric tilt was NaN or infinite for an episode"):
        made._evaluate(made.learner.policy, made.learner.observations, "selection")
