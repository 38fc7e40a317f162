"""Goals and rewards of both hands that turn a cube, by the task's parameters."""

from __future__ import annotations

import math

import pytest
import torch
from support.bench import Bench, bench_of

from eureka.rl.evaluation import play_random
from eureka.rotation import about_z, multiply, rotate


@pytest.fixture(params=["shadow_hand", "allegro_hand"], scope="module")
def bench(request: pytest.FixtureRequest) -> Bench:
    return bench_of(request.param)


def test_each_goal_is_a_step_about_the_vertical_from_the_one_before(bench: Bench):
    env = bench.env(1, 8)
    env.set_parameters({"goal_step": (0.6, 0.6), "start_tilt": (0.0, 0.0), "success_angle": (0.4, 0.4)})
    env.reset()
    cube = env.task.state(env.physics, env.memory, env.last_action, env.last_action).object_rotation
    upright = rotate(cube, torch.tensor([0.0, 0.0, 1.0]).expand(8, 3))
    assert torch.allclose(upright[:, 2], torch.ones(8), atol=1e-5), "it starts flat, turned at random"
    turned = multiply(about_z(torch.full((8,), 0.6)), cube)
    assert torch.allclose(env.memory.goal_rotation, turned, atol=1e-5)
    env.memory = type(env.memory)(goal_rotation=cube.clone())  # reached at once
    env.step(torch.zeros(1, 8, bench.task.action_size))
    assert torch.allclose(env.memory.goal_rotation, turned, atol=1e-5)


def test_without_a_step_goals_are_orientations_at_random(bench: Bench):
    env = bench.env(1, 256)
    env.reset()
    up = rotate(env.memory.goal_rotation, torch.tensor([0.0, 0.0, 1.0]).expand(256, 3))
    assert up[:, 2].min() < -0.9 and up[:, 2].max() > 0.9 and up.mean(dim=0).abs().max() < 0.15


def test_rewards_follow_the_tolerance(bench: Bench):
    human, sparse = (bench.baseline(name, 2) for name in ("human", "sparse"))
    turned, home = [math.cos(0.15), 0.0, 0.0, math.sin(0.15)], [0.0, -0.3, 0.5]
    state = {
        "object_position": torch.tensor([home, home]),
        "goal_position": torch.tensor([home, home]),
        "object_rotation": torch.tensor([turned, turned]),
        "goal_rotation": torch.tensor([[1.0, 0.0, 0.0, 0.0]] * 2),
        "action": torch.zeros(2, bench.task.action_size),
        "success_angle": torch.tensor([0.29, 0.31]),
    }
    low, high = human(*[state[n] for n in human.inputs])[0].tolist()
    assert high - low == pytest.approx(250.0)
    assert sparse(*[state[n] for n in sparse.inputs])[0].tolist() == [0.0, 1.0]


def test_random_play_reaches_few_goals_and_has_metrics(bench: Bench):
    env = bench.env(1, 4)
    found = play_random(env, bench.task.action_size, seed=0)
    assert found.fitness.shape == (1, 4) and found.fitness.max() <= 3
    assert set(found.metrics) == {"drops", "rotation_error"}
    assert set(found.metrics["drops"].unique().tolist()) <= {0.0, 1.0}
    assert (found.metrics["drops"].bool() == (found.length < 600)).all(), "nothing else ends an episode"
    assert 0.5 < found.metrics["rotation_error"].mean() < math.pi
