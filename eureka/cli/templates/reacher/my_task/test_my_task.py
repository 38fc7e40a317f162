"""Properties of the task, with numbers worked out by hand: pytest my_task/test_my_task.py."""

from __future__ import annotations

from pathlib import Path

import torch

from eureka import testing
from eureka.task import Episode

WORLDS = 32
TASK = testing.load(Path(__file__).resolve().parent.parent / "my_task.yaml")


def test_an_episode_is_cut_at_the_horizon_and_its_fitness_is_a_share():
    worlds = testing.worlds(TASK, WORLDS)
    worlds.reset()
    steps = [worlds.step(torch.zeros(1, WORLDS, TASK.action_size)) for _ in range(TASK.horizon)]
    assert steps[-1].timed_out.all() and not any(step.timed_out.any() for step in steps[:-1])
    assert ((steps[-1].fitness >= 0) & (steps[-1].fitness <= 1)).all()


def test_the_fitness_of_an_episode_that_was_at_the_goal_for_a_quarter_of_it():
    sums = {"at_goal": torch.tensor([25.0])}
    episode = Episode(torch.tensor([100]), sums, {}, {})
    assert TASK.fitness(episode).tolist() == [0.25]


def test_every_goal_is_within_reach_of_the_arm():
    worlds = testing.worlds(TASK, WORLDS)
    worlds.reset()
    assert (worlds.memory.goal.norm(dim=-1) <= 0.2).all()


def test_the_stretched_out_arm_reaches_two_links_far():
    worlds = testing.worlds(TASK, WORLDS)
    worlds.reset()
    worlds.physics.assign(torch.ones(WORLDS, dtype=torch.bool), qpos=torch.zeros(WORLDS, 2))
    worlds.physics.forward(torch.ones(WORLDS, dtype=torch.bool))
    action = torch.zeros(WORLDS, 2)
    tip = TASK.state(worlds.physics, worlds.memory, action, action).fingertip_position
    assert torch.allclose(tip, torch.tensor([0.2, 0.0]).expand(WORLDS, 2), atol=1e-6)


def test_a_control_step_can_be_captured_in_a_cuda_graph():
    testing.trace_step(TASK)
