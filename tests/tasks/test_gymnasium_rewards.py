"""Baselines and fitness of Gymnasium's MuJoCo tasks and of BIRD's."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from support.mujoco_tasks import BIRD, IDS, actions_of, open_env, task_of
from torch import Tensor

from eureka.config.tasks import TaskFile, load_task
from eureka.envs.env import Env
from eureka.envs.gymnasium.batched import MujocoTask
from eureka.envs.introspection import load_class
from eureka.rewards.program import Field, rebuild
from eureka.system.paths import load_sandbox


@pytest.mark.parametrize("name", [*IDS.values(), *BIRD])
def test_every_baseline_compiles_and_is_its_own_function(name: str):
    loaded, task = load_task(name), task_of(name)
    env = open_env(task, 2)
    env.reset()
    kept: dict[str, Tensor] = {}
    for action in actions_of(task, 3, 2):
        env.step(action, lambda fields: (kept.update({k: v.clone() for k, v in fields.items()}), torch.zeros(1, 2))[1])
    fields = {k: Field(tuple(v.shape[1:]), str(v.dtype).removeprefix("torch.")) for k, v in kept.items()}
    for baseline in loaded.baselines:
        code = loaded.reward_code(baseline)
        program = rebuild(load_sandbox("trace").compile_reward(code, fields), fields, 2)
        namespace: dict[str, Any] = {}
        exec(code, namespace)
        expected = namespace["compute_reward"](**{of: kept[of] for of in program.inputs})[0]
        assert torch.allclose(program(*[kept[of] for of in program.inputs])[0], expected, rtol=1e-6)


@pytest.mark.parametrize("name", [name for name in BIRD if "sparse" in load_task(name).rewards])
def test_the_sum_of_a_sparse_reward_is_the_fitness(name: str):
    loaded, task = load_task(name), task_of(name)
    task.horizon = steps = 40
    env, namespace = open_env(task, 2), {}
    exec(loaded.reward_code("sparse"), namespace)
    compute, total, compared = namespace["compute_reward"], torch.zeros(2), 0
    env.reset()

    def pay(fields: Any) -> Tensor:
        paid = compute(**{of: fields[of] for of in inspect.signature(compute).parameters})[0]
        total.add_(paid)
        return paid[None]

    for action in actions_of(task, steps, 2):
        step = env.step(action, pay)
        over = (step.terminated | step.timed_out)[0]
        # The fitness of the pendulum is a share of this test's 40 steps, and its reward one of 1000.
        scale = 1000 / steps if name == "inverted_pendulum_balance" else 1.0
        assert torch.allclose((total * scale)[over], step.fitness[0][over], atol=1e-4)
        compared += int(over.sum())
        total.masked_fill_(over, 0.0)
    assert compared >= 2


def last_of(name: str, **given: Any) -> tuple[MujocoTask, Env, Any]:
    """One episode of five steps in one world, and its last step."""
    loaded = load_task(name)
    assert isinstance(loaded.file, TaskFile)
    kwargs = {**loaded.file.kwargs, "max_episode_steps": 5, **given}
    task = load_class(loaded.model_copy(update={"file": loaded.file.model_copy(update={"kwargs": kwargs})}))
    assert isinstance(task, MujocoTask)
    env, seen = open_env(task, 1), {}
    env.reset()

    def keep(fields: Any) -> Tensor:
        seen.update(x=env.physics.qpos[0, 0].item(), begin=env.memory.start[0].item())
        seen.update({key: fields[key].clone() for key in ("distance_to_target",) if key in fields})
        return torch.zeros(1, 1)

    for action in actions_of(task, 5, 1):
        step = env.step(action, keep)
    return task, env, (step, seen)


@pytest.mark.parametrize("name", ["half_cheetah", "hopper_hop", "swimmer_forward"])
def test_the_distance_is_from_the_start_of_the_episode_to_its_end(name: str):
    task, _, (step, seen) = last_of(name)
    assert step.timed_out.all() and task.fitness_unit == "m"
    assert step.fitness.item() == pytest.approx(seen["x"] - seen["begin"], rel=1e-5) and step.fitness.item() != 0


def test_the_nearness_of_the_fingertip_does_not_depend_on_a_weight():
    task, _, (step, seen) = last_of("reacher_reach", reward_dist_weight=7.0)
    assert step.fitness.item() == pytest.approx(-seen["distance_to_target"].item()) and task.fitness_unit == "m"


def test_the_share_of_survived_steps_is_of_the_time_limit():
    task = task_of("inverted_pendulum_balance")
    env = open_env(task, 1)
    env.reset()
    while not (step := env.step(torch.ones(1, 1, 1))).terminated.item():
        pass
    assert 2 < step.length.item() < 50 and task.fitness_unit == "of the steps"
    assert step.fitness.item() == pytest.approx(step.length.item() / 1000)
