"""How good is a policy? Its deterministic actions, on episodes apart from training."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from eureka.env import Env
from eureka.noise import Noise, world_keys
from eureka.physics.base import Physics
from eureka.rl.normalize import RunningMoments
from eureka.rl.policy import Policy
from eureka.rl.rollout import normalize
from eureka.task import Task


@dataclass(frozen=True)
class Evaluation:
    """One finished episode in each world."""

    fitness: Tensor
    """(P, E) float32."""
    length: Tensor
    """(P, E) int64 control steps."""


@dataclass(frozen=True)
class Hindrance:
    """What stands between a policy and its world."""

    delay: int = 0
    """Control steps until an action is applied; before the first, zeros are."""
    noise: float = 0.0
    """Standard deviation of normal noise on observations, in units of their own in training."""


UNHINDERED = Hindrance()


@torch.no_grad()
def evaluate(
    task: Task,
    physics: Physics,
    policy: Policy,
    moments: RunningMoments,
    seeds: Tensor,
    stream: str,
    hindrance: Hindrance = UNHINDERED,
) -> Evaluation:
    """Play one episode in every world with mean actions.

    Args:
        task: the task.
        physics: P x E worlds; their present state is overwritten.
        policy: P members.
        moments: of their observations.
        seeds: (P,) int64; members with equal seeds meet the same E episodes.
        stream: name of the episodes, apart from those of training.
    """
    env = Env(task, physics, seeds, stream)
    observation = env.reset()
    shape = (env.members, env.worlds)
    fitness = torch.zeros(shape, device=physics.device)
    length = torch.zeros(shape, dtype=torch.int64, device=physics.device)
    running = torch.ones(shape, dtype=torch.bool, device=physics.device)
    keys = world_keys(seeds, env.worlds)
    waiting = [torch.zeros(*shape, task.action_size, device=physics.device)] * hindrance.delay
    for control_step in range(task.horizon):
        seen = normalize(moments, observation)
        if hindrance.noise:
            drawn = Noise(keys, torch.tensor(control_step)).normal(f"{stream}/observation", seen.shape[-1])
            seen = seen + hindrance.noise * drawn.reshape(seen.shape)
        waiting.append(policy.mean(seen))
        step = env.step(waiting.pop(0))
        observation = step.observation
        ended = running & (step.terminated | step.timed_out)
        fitness = torch.where(ended, step.fitness, fitness)
        length = torch.where(ended, step.length, length)
        running = running & ~ended
        if not env.static and not bool(running.any()):
            break
    return Evaluation(fitness, length)
