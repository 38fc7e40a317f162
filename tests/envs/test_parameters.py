"""Parameters of a task class in worlds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support.leaning import write_task

from eureka.config.parameters import Curriculum, Stage
from eureka.config.tasks import load_task
from eureka.envs.env import Env
from eureka.envs.introspection import describe, load_class, random_states
from eureka.errors import UserError
from eureka.physics.base import compile_scene
from eureka.physics.threads import ThreadPhysics
from eureka.task import Task
from eureka.testing import trace_step, worlds

RANGE = {"angle_limit": {"uniform": [0.2, 0.4]}}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_task(tmp_path_factory.mktemp("task"))


def made(home: Path, curriculum: Curriculum | None = None) -> Task:
    return load_class(load_task(str(home)), curriculum)


def test_values_come_from_the_yaml_and_the_rest_are_defaults(home: Path):
    task = made(home)
    assert (task.parameters.push, task.parameters.angle_limit) == (0.9, 1.5)
    assert isinstance(task.parameters.count, int) and task.parameters.braked is False
    heavy = made(home, Curriculum({"pole_mass": 3, "braked": True}))
    assert compile_scene(heavy.scene()).body_mass[2] == 3.0 and heavy.parameters.braked is True
    assert type(heavy)().parameters.pole_mass == 1.0, "the values are of one instance"


def test_worlds_hold_tensors_of_their_own(home: Path):
    task = made(home)
    first, second = worlds(task, 4), worlds(task, 3)
    first.set_parameters({"angle_limit": (0.5, 0.5)})
    assert first.parameters["angle_limit"].tolist() == [0.5] * 4 and second.task.parameters.angle_limit.shape == (3,)
    assert first.task.parameters.push.tolist() == [1.0] * 4, "what is not set has the default of the class"
    assert task.parameters.angle_limit == 1.5
    assert set(first.parameters) == {"angle_limit", "push"}, "constants are no arguments of a reward"


def test_the_value_of_a_world_decides_its_episode_and_its_reward(home: Path):
    env = worlds(made(home), 2)
    env.reset()
    env.task.parameters.angle_limit[1] = 0.01  # in place, as it is the same tensor
    seen = {}
    step = env.step(torch.zeros(1, 2, 1), lambda state: (seen.update(state), torch.zeros(1, 2))[1])
    assert step.terminated[0].tolist() == [False, bool(seen["pole_angle"][1].abs() > 0.01)]
    assert seen["angle_limit"].tolist() == pytest.approx([1.5, 0.01])


@pytest.mark.parametrize("static", [False, True])
def test_a_range_is_drawn_by_each_world_in_each_episode_whatever_the_others_do(home: Path, static: bool):
    task = made(home, Curriculum(RANGE))
    physics = ThreadPhysics(compile_scene(task.scene()), 64, 1)
    env = Env(task, physics, torch.tensor([7]), "test", static)
    env.reset()
    first = env.parameters["angle_limit"].clone()
    assert first.min() >= 0.2 and first.max() <= 0.4 and len(set(first.tolist())) > 50
    env.step(torch.zeros(1, 64, 1))
    assert torch.equal(env.parameters["angle_limit"], first), "it lasts for the episode"
    ended = torch.arange(64) < 8
    env.begin_episodes(ended)
    again = env.parameters["angle_limit"]
    assert torch.equal(again[8:], first[8:]) and not (again[:8] == first[:8]).any()
    other = Env(task, ThreadPhysics(compile_scene(task.scene()), 64, 1), torch.tensor([7]), "test", not static)
    other.reset()
    assert torch.equal(other.parameters["angle_limit"], first), "the same with and without a static step"


def test_a_saved_environment_has_the_same_values(home: Path):
    task = made(home, Curriculum(RANGE))
    env = worlds(task, 8)
    env.reset()
    env.begin_episodes(torch.arange(8) < 4)
    env.step(torch.zeros(1, 8, 1))
    restored = worlds(task, 8)
    restored.load(env.save())
    env.step(torch.ones(1, 8, 1))
    restored.step(torch.ones(1, 8, 1))
    assert torch.equal(restored.parameters["angle_limit"], env.parameters["angle_limit"])


def test_a_step_with_parameters_is_static(home: Path):
    trace_step(made(home, Curriculum(RANGE)))


def test_a_fixed_parameter_is_a_constant_and_one_that_varies_a_field(home: Path):
    loaded = load_task(str(home))

    def told(curriculum: Curriculum):
        task = load_class(loaded, curriculum)
        env = worlds(task, 4)
        return describe(loaded, task, random_states(task, env), 4, curriculum)

    fixed = told(Curriculum({"angle_limit": 0.5}))
    assert {c.name: c.value for c in fixed.constants}["angle_limit"] == 0.5
    assert "angle_limit" not in [f.name for f in fixed.state]
    assert fixed.fields()["angle_limit"] == ((), "float32") and "pole_mass" not in fixed.fields()
    assert fixed.changed_parameters() == "angle_limit 0.5 rad (default 1.5)"
    for varying in (RANGE, {"angle_limit": {"start": 0.2, "end": 0.5}}):
        description = told(Curriculum(varying))
        assert "angle_limit" not in [c.name for c in description.constants]
        (field,) = [f for f in description.state if f.name == "angle_limit"]
        assert field.doc.startswith("(N,) rad, an episode ends")
    staged = told(Curriculum({"angle_limit": 0.5}, (Stage(share=0.5, parameters={"angle_limit": 0.2}), Stage())))
    assert [p.value for p in staged.parameters if p.varies] == ["0.5"]
    assert staged.stages == ("1. 50% of the steps: angle_limit 0.2", "2. the rest: no change")


@pytest.mark.parametrize(
    "parameters, stages, expected",
    [
        ({"angel_limit": 1}, (), r"parameters.angel_limit: Leaning has no such parameter \(did you mean 'angle_limit'"),
        ({"angle_limit": 9}, (), r"parameters.angle_limit: 9 is out of range; give 0.1 to 1.6 rad \(an episode ends"),
        ({"angle_limit": {"uniform": [0.2, 9]}}, (), "9 is out of range"),
        ({"count": 1.5}, (), "parameters.count: 1.5 is not a whole number"),
        ({"braked": 0.5}, (), "parameters.braked: give true or false, not 0.5"),
        ({"pole_mass": {"start": 1, "end": 2}}, (), "parameters.pole_mass: it is a constant of the scene and cannot"),
        ({}, (Stage(share=0.5, parameters={"push": 7}), Stage()), "parameters.push in stage 1: 7 is out of range"),
        ({}, (Stage(share=0.5), Stage(parameters={"puhs": 1})), "parameters.puhs in stage 2: Leaning has no such"),
        (
            {},
            (Stage(share=0.5, parameters={"pole_mass": 2}), Stage()),
            "pole_mass in stage 1: it is a constant",
        ),
    ],
)
def test_a_wrong_parameter_is_one_sentence(home: Path, parameters: dict, stages: tuple, expected: str):
    with pytest.raises(UserError, match=expected) as raised:
        load_class(load_task(str(home)), Curriculum(parameters, stages))
    assert "\n" not in str(raised.value)


def test_metrics_are_reduced_as_declared_and_given_where_an_episode_ended(home: Path):
    env = worlds(made(home, Curriculum({"angle_limit": 0.11})), 16)
    env.reset()
    total, steps, tilt = torch.zeros(16), torch.zeros(16), {}
    for _ in range(60):
        step = env.step(torch.ones(1, 16, 1), lambda state: (tilt.update(state), torch.zeros(1, 16))[1])
        total, steps = total + tilt["pole_angle"].abs(), steps + 1
        ended = (step.terminated | step.timed_out)[0]
        if ended.any():
            assert torch.allclose(step.metrics["tilt"][0][ended], (total / steps)[ended], rtol=1e-5)
            return
    raise AssertionError("no episode ended")


def test_a_metric_that_is_not_measured_is_one_sentence(home: Path):
    task = made(home)
    task.measure = lambda state, memory: {"lean": state.pole_angle}  # type: ignore[method-assign]
    with pytest.raises(UserError, match=r"Leaning.metrics names 'tilt', but measure\(\) returns lean"):
        worlds(task, 2).reset()
