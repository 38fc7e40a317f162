"""Evaluation of policies: deterministic actions on episodes separate from training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from eureka.envs.base import Worlds
from eureka.envs.capture import Capture
from eureka.envs.env import Env
from eureka.noise import Noise, world_keys
from eureka.physics.base import Physics
from eureka.rewards.program import Program
from eureka.rl.normalization import RunningMoments
from eureka.rl.rollout import normalize
from eureka.task import Task


class Actor(Protocol):
    """A policy, or a policy with a disturbance."""

    def mean(self, observation: Tensor) -> Tensor:
        """(P, N, A) actions without exploration noise, for normalised observations (P, N, O)."""
        ...


@dataclass(frozen=True)
class EpisodeResults:
    """One finished episode in each world."""

    fitness: Tensor  # (P, E) float32
    length: Tensor  # (P, E) int64 control steps
    metrics: dict[str, Tensor]  # (P, E) float32 by name


def evaluate(
    task: Task, physics: Physics, actor: Actor, moments: RunningMoments, seeds: Tensor, stream: str
) -> EpisodeResults:
    """Play one episode in every world with mean actions.

    Args:
        task: the task.
        physics: P x E worlds; their state is overwritten.
        actor: P members.
        moments: moments of their observations.
        seeds: (P,) int64; members with equal seeds play the same E episodes.
        stream: random stream of the episodes, different from that of training.
    """
    # Not captured: an actor may keep state between steps.
    return PolicyPlayer(Env(task, physics, seeds, stream, static=False), actor, moments).play()


class RandomActor:
    """Uniformly random actions."""

    def __init__(self, env: Worlds, action_size: int, seed: int):
        """Draw actions for the worlds of `env`."""
        seeds = torch.tensor([seed] * env.members, device=env.clock.device)
        self._env, self._size, self._keys = env, action_size, world_keys(seeds, env.worlds)

    def mean(self, observation: Tensor) -> Tensor:
        """(P, N, A) in [-1, 1]."""
        action = Noise(self._keys, self._env.clock).uniform("random action", self._size, low=-1.0, high=1.0)
        return action.reshape(self._env.members, self._env.worlds, self._size)


class StepRewards:
    """What reward programs pay along the episodes that a player plays."""

    def __init__(self, programs: Sequence[Program]):
        """Watch K programs, rebuilt for all worlds of the player."""
        self._programs = programs
        self._latest = torch.zeros(0)
        self._values: list[Tensor] = []
        self._returns: Tensor | float = 0.0

    def __call__(self, fields: Mapping[str, Tensor]) -> Tensor:
        """Compute the rewards of a step; (1, N) zeros, since nothing learns from them."""
        self._latest = torch.stack([program(*[fields[i] for i in program.inputs])[0] for program in self._programs])
        return torch.zeros_like(self._latest[:1])

    def add(self, running: Tensor) -> None:
        """Count the latest step in the worlds of `running` (N,) bool."""
        self._values.append(self._latest[:, running])
        self._returns = self._returns + self._latest * running

    def returns(self) -> Tensor:
        """(K, N), the sum of each program's rewards over each episode."""
        assert isinstance(self._returns, Tensor)
        return self._returns

    def correlations(self) -> Tensor:
        """(K, K), Pearson's correlations of the programs' rewards of a step; NaN for one that does not vary."""
        return torch.corrcoef(torch.cat(self._values, dim=1).double()).reshape(len(self._programs), -1)


def play_random(env: Worlds, action_size: int, seed: int, rewards: StepRewards | None = None) -> EpisodeResults:
    """Play one episode in every world with random actions; `rewards` watch."""
    actor = RandomActor(env, action_size, seed)
    seen = env.reset().shape[-1]  # privileged inputs included
    return PolicyPlayer(env, actor, RunningMoments(env.members, (seen,), env.clock.device), rewards).play()


class PolicyPlayer:
    """Plays one episode in every world with mean actions; every call plays the same episodes."""

    def __init__(self, env: Worlds, actor: Actor, moments: RunningMoments, rewards: StepRewards | None = None):
        """Prepare to play `actor`; its parameters and `moments` may change in place between calls.

        `rewards` watch one call of `play`, of one member on a CPU.
        """
        self.env, self._actor, self._moments, self._rewards = env, actor, moments, rewards
        self._metrics = [metric.name for metric in env.task.metrics] if isinstance(env, Env) else []
        self._capture = Capture(env, self._step) if isinstance(env, Env) and env.static else None

    @torch.no_grad()
    def play(self, steps: int | None = None) -> EpisodeResults:
        """Play one episode in each world, or its first control steps; overwrites the state of the worlds."""
        env = self.env
        device = env.restart().device
        shape = (env.members, env.worlds)
        fitness = torch.zeros(shape, device=device)
        length = torch.zeros(shape, dtype=torch.int64, device=device)
        running = torch.ones(shape, dtype=torch.bool, device=device)
        metrics = [torch.zeros(shape, device=device) for _ in self._metrics]
        if self._capture:
            self._capture.begin()
        for _ in range(env.horizon if steps is None else steps):
            over, fitness_now, length_now, *metrics_now = self._capture() if self._capture else self._step()
            if self._rewards:
                self._rewards.add(running[0])
            ended = running & over
            fitness = torch.where(ended, fitness_now, fitness)
            length = torch.where(ended, length_now, length)
            metrics = [torch.where(ended, now, old) for old, now in zip(metrics, metrics_now, strict=True)]
            running = running & ~ended
            if not env.static and not bool(running.any()):
                break
        return EpisodeResults(fitness, length, dict(zip(self._metrics, metrics, strict=True)))

    def _step(self) -> tuple[Tensor, ...]:
        """(P, N) each: whether the episode ended, its fitness, its length and its metrics."""
        step = self.env.step(self._actor.mean(normalize(self._moments, self.env.observation)), self._rewards)
        metrics = (step.metrics[name] for name in self._metrics)
        return step.terminated | step.timed_out, step.fitness, step.length, *metrics
