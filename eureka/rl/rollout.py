"""Collection of rollouts: T control steps of P x N worlds."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from eureka.envs.base import Worlds
from eureka.envs.capture import Capture
from eureka.envs.env import Env
from eureka.noise import Noise, world_keys
from eureka.rl.normalization import RunningMoments
from eureka.rl.policy import Policy

OBSERVATION_LIMIT = 10.0  # standard deviations that an observation is clipped to


@dataclass
class Clocks:
    """Wall time in s spent so far, by part; no result depends on it."""

    env: float = 0.0  # Physics, task code, rewards and resets
    policy: float = 0.0
    """Networks and noise during collection; with a captured step, only the work outside the graph."""
    learning: float = 0.0  # Advantages and gradient steps
    evaluation: float = 0.0  # Evaluation episodes
    disk: float = 0.0  # Writing checkpoints
    compile: float = 0.0  # Merging and compiling the rewards; the simulator's kernels


@dataclass(frozen=True)
class Rollout:
    """The data of T control steps, member-major."""

    observation: Tensor  # (P, T, N, O) normalised
    action: Tensor  # (P, T, N, A) as sampled, before the environment's clamp
    log_prob: Tensor  # (P, T, N) of those actions
    output: Tensor  # (P, T, N, A) of the actor: mean actions, or logits of choices
    value: Tensor  # (P, T, N) critic output, in normalised units
    reward: Tensor  # (P, T, N)
    ended: Tensor  # (P, T, N) bool, by termination or time-out
    timed_out: Tensor  # (P, T, N) bool
    terminal_value: Tensor  # (P, T, N) normalised value of the terminal observation; 0 without a time-out
    last_value: Tensor  # (P, N) normalised value of the observation after the last step
    raw_observation: Tensor  # (P, T, N, O) before normalisation; updates the moments
    fitness: Tensor  # (P, T, N), the episode's fitness where `ended`
    length: Tensor  # (P, T, N) int64, the episode's length where `ended`


class Bank(Protocol):
    """Rewards of all members, with a record of their values."""

    def compute(self, fields: Mapping[str, Tensor]) -> Tensor:
        """(P, N) float32 rewards for the State's fields, (P * N, ...) each."""
        ...

    def record(self, copy: bool) -> None:
        """Record the latest values; `copy` them if the next step overwrites them."""


def normalize(moments: RunningMoments, observation: Tensor) -> Tensor:
    """(P, B, O) normalised observations, clipped to `OBSERVATION_LIMIT` standard deviations."""
    return moments.normalize(observation, limit=OBSERVATION_LIMIT)


class Collector:
    """Plays T control steps at a time with sampled actions; each rollout overwrites the buffers of the last."""

    def __init__(
        self,
        env: Worlds,
        policy: Policy,
        moments: RunningMoments,
        bank: Bank,
        seeds: Tensor,
        steps: int,
        clocks: Clocks,
    ):
        """Set up the buffers; the parameters of `policy` and `moments` may change in place between rollouts.

        Args:
            env: P x N worlds.
            policy: P members.
            moments: moments of their observations.
            bank: their rewards.
            seeds: (P,) int64; action noise is a function of (member seed, world, control step).
            steps: T.
            clocks: accumulates the wall time.
        """
        self.env, self.policy, self.moments, self.bank, self.clocks = env, policy, moments, bank, clocks
        self.steps = steps
        self._mark = time.perf_counter()
        self._keys = world_keys(seeds, env.worlds)
        shape, device = policy.shape, seeds.device
        self._noise = torch.zeros(env.members, env.worlds, shape.action, device=device)
        """(P, N, A) for the next step."""

        def buffer(length: int, *size: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.zeros(env.members, length, env.worlds, *size, dtype=dtype, device=device)

        self._raw, self._seen = buffer(steps, shape.seen), buffer(steps + 1, shape.seen)
        self._buffers = (
            self._raw,
            self._seen,
            buffer(steps, shape.action),
            buffer(steps, shape.action),
            buffer(steps),
            buffer(steps, dtype=torch.bool),
            buffer(steps, dtype=torch.bool),
            buffer(steps),
            buffer(steps),
            buffer(steps, dtype=torch.int64),
        )
        self._capture = Capture(env, self._play) if isinstance(env, Env) and env.static else None

    @torch.no_grad()
    def collect(self) -> Rollout:
        """Play T control steps in every world."""
        env, policy = self.env, self.policy
        self._mark = time.perf_counter()
        noise = self._draw_noise()
        if self._capture:
            self._capture.begin()
        for t in range(self.steps):
            self._noise.copy_(noise[t])
            self._lap("policy")
            played = self._capture() if self._capture else self._play()
            for buffer, value in zip(self._buffers, played, strict=True):
                buffer[:, t] = value
            self.bank.record(copy=env.static)
            self._lap("env")
        self._seen[:, self.steps] = normalize(self.moments, env.observation)
        raw, seen, action, output, reward, ended, timed_out, terminal_value, fitness, length = self._buffers
        value = policy.value(seen.flatten(1, 2)).unflatten(1, (self.steps + 1, env.worlds))
        distribution = policy.shape.distribution
        log_prob = distribution.log_probability(action.flatten(1, 2), output.flatten(1, 2), policy.std())
        self._lap("policy")
        return Rollout(
            observation=seen[:, :-1],
            action=action,
            log_prob=log_prob.unflatten(1, (self.steps, env.worlds)),
            output=output,
            value=value[:, :-1],
            reward=reward,
            ended=ended,
            timed_out=timed_out,
            terminal_value=terminal_value,
            last_value=value[:, -1],
            raw_observation=raw,
            fitness=fitness,
            length=length,
        )

    def _draw_noise(self) -> Tensor:
        """(T, P, N, A) random numbers for the actions of the next rollout."""
        clocks = self.env.clock + torch.arange(self.steps, device=self._keys.device)
        worlds = len(self._keys)
        noise = Noise(self._keys.repeat(self.steps), clocks.repeat_interleave(worlds))
        drawn = self.policy.shape.distribution.noise(noise, self._noise.shape[-1])
        return drawn.reshape(self.steps, *self._noise.shape)

    def _play(self) -> tuple[Tensor, ...]:
        """Play one control step; returns one entry for each buffer."""
        env, policy = self.env, self.policy
        raw = env.observation
        seen = normalize(self.moments, raw)
        output = policy.mean(seen)
        action = policy.shape.distribution.sample(output, policy.std(), self._noise)
        self._lap("policy")
        step = env.step(action, self.bank.compute)
        self._lap("env")
        terminal_value = torch.zeros_like(step.reward)
        if env.static or bool(step.timed_out.any()):
            value = policy.value(normalize(self.moments, step.terminal_observation))
            terminal_value = torch.where(step.timed_out, value, terminal_value)
        ended = step.terminated | step.timed_out
        outcome = (step.reward, ended, step.timed_out, terminal_value, step.fitness, step.length)
        return raw, seen, action, output, *outcome

    def _lap(self, part: str) -> None:
        now = time.perf_counter()
        setattr(self.clocks, part, getattr(self.clocks, part) + now - self._mark)
        self._mark = now
