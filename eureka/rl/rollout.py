"""Collecting T control steps of P x N worlds."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import torch
from torch import Tensor

from eureka.env import Rewards, Worlds
from eureka.noise import Noise, world_keys
from eureka.rl.normalize import RunningMoments
from eureka.rl.policy import Policy

_LOG_ROOT_TAU = 0.5 * math.log(2.0 * math.pi)


@dataclass
class Clocks:
    """Seconds spent so far, by part; wall time, which no result depends on."""

    env: float = 0.0
    """Physics, task code, rewards and resets."""
    policy: float = 0.0
    """Networks and noise while collecting."""
    learning: float = 0.0
    """Advantages and gradient steps."""
    evaluation: float = 0.0
    """Evaluation episodes."""
    disk: float = 0.0
    """Writing checkpoints."""
    compile: float = 0.0
    """Merging and compiling the rewards."""


@dataclass(frozen=True)
class Rollout:
    """What happened, member-major."""

    observation: Tensor
    """(P, T, N, O) normalised, as the policy saw it."""
    action: Tensor
    """(P, T, N, A) as sampled, before the environment's clamp."""
    log_prob: Tensor
    """(P, T, N) of those actions."""
    mean: Tensor
    """(P, T, N, A) of the action's distribution."""
    value: Tensor
    """(P, T, N) the critic's output, in normalised units."""
    reward: Tensor
    """(P, T, N)."""
    ended: Tensor
    """(P, T, N) bool, by termination or time."""
    timed_out: Tensor
    """(P, T, N) bool."""
    terminal_value: Tensor
    """(P, T, N) normalised value of the terminal observation; 0 where no time-out."""
    last_value: Tensor
    """(P, N) normalised value of the observation after the last step."""
    raw_observation: Tensor
    """(P, T, N, O) before normalisation, for the moments."""
    fitness: Tensor
    """(P, T, N), the episode's fitness where `ended`."""
    length: Tensor
    """(P, T, N) int64, the episode's length where `ended`."""


class Sampler:
    """Gaussian action noise, addressed by (member seed, world, control step)."""

    def __init__(self, seeds: Tensor, worlds: int, action_size: int):
        """For members with these seeds (P,) int64 and N worlds each."""
        self._keys = world_keys(seeds, worlds)
        self._shape = (len(seeds), worlds, action_size)

    def __call__(self, step: Tensor) -> Tensor:
        """(P, N, A) standard normal numbers for one control step, () int64."""
        return Noise(self._keys, step).normal("action", self._shape[2]).reshape(self._shape)


def normalize(moments: RunningMoments, observation: Tensor) -> Tensor:
    """(P, B, O) as policies see observations: within 10 standard deviations of the mean."""
    return moments.normalize(observation, limit=10.0)


@torch.no_grad()
def collect(
    env: Worlds,
    policy: Policy,
    moments: RunningMoments,
    sampler: Sampler,
    rewards: Rewards,
    steps: int,
    clocks: Clocks,
) -> Rollout:
    """Play `steps` control steps in every world with sampled actions."""
    std = policy.std()
    log_norm = policy.views["log_std"].sum(-1) + env.task.action_size * _LOG_ROOT_TAU
    raw, seen, actions, log_probs, means, values = [], [], [], [], [], []
    reward, ended, timed_out, terminal, fitness, length = [], [], [], [], [], []
    mark = time.perf_counter()
    for _ in range(steps):
        raw.append(env.observation)
        observation = normalize(moments, env.observation)
        mean = policy.mean(observation)
        noise = sampler(env.clock)
        action = mean + std * noise
        seen.append(observation)
        actions.append(action)
        means.append(mean)
        log_probs.append(-0.5 * noise.square().sum(-1) - log_norm)
        values.append(policy.value(observation))
        mark = _lap(clocks, "policy", mark)

        step = env.step(action, rewards)
        mark = _lap(clocks, "env", mark)
        reward.append(step.reward)
        ended.append(step.terminated | step.timed_out)
        timed_out.append(step.timed_out)
        fitness.append(step.fitness)
        length.append(step.length)
        if env.static or bool(step.timed_out.any()):
            value = policy.value(normalize(moments, step.terminal_observation))
            terminal.append(torch.where(step.timed_out, value, 0.0))
        else:
            terminal.append(torch.zeros_like(step.reward))
        mark = _lap(clocks, "policy", mark)
    last_value = policy.value(normalize(moments, env.observation))
    _lap(clocks, "policy", mark)
    return Rollout(
        observation=torch.stack(seen, dim=1),
        action=torch.stack(actions, dim=1),
        log_prob=torch.stack(log_probs, dim=1),
        mean=torch.stack(means, dim=1),
        value=torch.stack(values, dim=1),
        reward=torch.stack(reward, dim=1),
        ended=torch.stack(ended, dim=1),
        timed_out=torch.stack(timed_out, dim=1),
        terminal_value=torch.stack(terminal, dim=1),
        last_value=last_value,
        raw_observation=torch.stack(raw, dim=1),
        fitness=torch.stack(fitness, dim=1),
        length=torch.stack(length, dim=1),
    )


def _lap(clocks: Clocks, part: str, since: float) -> float:
    now = time.perf_counter()
    setattr(clocks, part, getattr(clocks, part) + now - since)
    return now
