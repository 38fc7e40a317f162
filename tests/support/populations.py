"""Small trainings in this process."""

from __future__ import annotations

import torch
from support.bench import Bench

from eureka.config.settings import Evaluation, Learning, Plan
from eureka.physics.backend import Backend
from eureka.rl.training import Training
from eureka.runs.candidate import Outcome

REWARDS = [
    "def compute_reward(pole_angle):\n    u = torch.exp(-pole_angle**2 / 0.1)\n    return u, {'u': u}",
    "def compute_reward(pole_angle, pole_velocity):\n"
    "    a = torch.sigmoid(-4 * pole_angle.abs())\n    b = -0.1 * torch.atan2(pole_velocity, pole_angle)\n"
    "    return a + b, {'a': a, 'b': b}",
    "def compute_reward(cart_position):\n    r = (cart_position.abs() + 0.1) ** -0.7\n    return r, {'r': r}",
    "def compute_reward(pole_angle, action):\n"
    "    r = torch.nn.functional.softplus(1 - pole_angle.abs()) - 0.1 * action.square().sum(-1)\n    return r, {}",
]

PLAN = Plan(
    worlds=32,
    iterations=6,
    learning=Learning(horizon=16, hidden=(32, 16), epochs=2, minibatches=3),
    evaluation=Evaluation(checkpoints=3, selection_episodes=2, report_episodes=4),
    seed=3,
    purpose="search",
)


def training(bench: Bench, members: list[int], threads: int, plan: Plan = PLAN) -> Training:
    programs = [bench.program(REWARDS[m % 4], plan.worlds) for m in members]
    seeds = [11 if m < 4 else 12 for m in members]
    return Training(bench.task, bench.model, programs, seeds, plan, Backend("cpu", threads))


def finish(t: Training) -> tuple[list[Outcome], torch.Tensor]:
    return t.run(lambda _: None, lambda _: None), t.learner.policy.flat
