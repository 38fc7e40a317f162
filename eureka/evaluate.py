"""How good is a policy? Its deterministic actions, on episodes apart from training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from eureka.env import Env, Worlds
from eureka.physics.base import Physics
from eureka.rl.normalize import RunningMoments
from eureka.rl.rollout import normalize
from eureka.task import Task


class Actor(Protocol):
    """What acts: a policy, or one with something in its way."""

    def mean(self, observation: Tensor) -> Tensor:
        """(P, N, A) actions without exploration, for normalised observations (P, N, O)."""
        ...


@dataclass(frozen=True)
class Evaluation:
    """One finished episode in each world."""

    fitness: Tensor
    """(P, E) float32."""
    length: Tensor
    """(P, E) int64 control steps."""


def evaluate(
    task: Task, physics: Physics, actor: Actor, moments: RunningMoments, seeds: Tensor, stream: str
) -> Evaluation:
    """Play one episode in every world with mean actions.

    Args:
        task: the task.
        physics: P x E worlds; their present state is overwritten.
        actor: P members.
        moments: of their observations.
        seeds: (P,) int64; members with equal seeds meet the same E episodes.
        stream: name of the episodes, apart from those of training.
    """
    return play(Env(task, physics, seeds, stream), actor, moments)


@torch.no_grad()
def play(env: Worlds, actor: Actor, moments: RunningMoments) -> Evaluation:
    """Play one episode in every world of `env` with mean actions; its present state is overwritten."""
    observation = env.reset()
    shape, device = (env.members, env.worlds), observation.device
    fitness = torch.zeros(shape, device=device)
    length = torch.zeros(shape, dtype=torch.int64, device=device)
    running = torch.ones(shape, dtype=torch.bool, device=device)
    for _ in range(env.task.horizon):
        step = env.step(actor.mean(normalize(moments, observation)))
        observation = step.observation
        ended = running & (step.terminated | step.timed_out)
        fitness = torch.where(ended, step.fitness, fitness)
        length = torch.where(ended, step.length, length)
        running = running & ~ended
        if not env.static and not bool(running.any()):
            break
    return Evaluation(fitness, length)
