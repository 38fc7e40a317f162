"""The interface between environments and training: batched worlds, rewards, and the result of a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import one_hot

Rewards = Callable[[Mapping[str, Tensor]], Tensor]
"""From the State's fields, (W, ...) each, to the total reward (P, N) float32."""


@dataclass(frozen=True)
class Step:
    """The result of one control step of all worlds; every tensor is (P, N, ...)."""

    observation: Tensor
    """(P, N, O) float32, after the reset of ended episodes; O includes the critic's privileged inputs."""
    reward: Tensor  # (P, N) float32
    terminated: Tensor  # (P, N) bool, episodes ended by the task's rules or by divergence
    timed_out: Tensor  # (P, N) bool, episodes truncated at the horizon; excludes `terminated`
    terminal_observation: Tensor  # (P, N, O) float32, of the state before the reset
    fitness: Tensor  # (P, N) float32, fitness of the episode; meaningful only where it ended
    length: Tensor  # (P, N) int64, control steps of the episode so far; its full length where it ended
    metrics: dict[str, Tensor] = field(default_factory=dict)  # (P, N) float32 by name, likewise only where it ended


def chosen(values: Tensor, choices: tuple[int, ...]) -> Tensor:
    """The largest value of each choice as one-hot numbers, (..., A) float32; the first one of equals."""
    parts = values.split(choices, dim=-1)
    return torch.cat([one_hot(p.argmax(-1), p.shape[-1]) for p in parts], dim=-1).float()


class Worlds(Protocol):
    """P x N worlds as seen by training: `Env` or `eureka.envs.gymnasium.env.GymnasiumEnv`."""

    members: int
    worlds: int
    horizon: int  # Maximum control steps of an episode
    static: bool  # Whether a step always runs the same operations, as CUDA graphs require
    clock: Tensor  # () int64, control steps since the worlds were made
    observation: Tensor  # (P, N, O) float32, current observation of actor and critic
    privileged: int  # Number of last columns that only the critic sees
    diverged: Tensor  # (W,) int64, how often each world diverged

    @property
    def actor_size(self) -> int:
        """Number of first columns, which the actor sees."""
        ...

    def reset(self) -> Tensor:
        """Begin an episode in every world; (P, N, O) float32 observations."""
        ...

    def restart(self) -> Tensor:
        """Return to the initial state and begin the first episode in every world; (P, N, O) observations."""
        ...

    def step(self, action: Tensor, rewards: Rewards | None = None) -> Step:
        """Apply `action` (P, N, A), clamped to [-1, 1], for one control step; without `rewards` the reward is 0."""
        ...

    def save(self) -> dict[str, Tensor]:
        """The state for `load`: (P, N, ...) each, and counters without a dimension."""
        ...

    def load(self, saved: dict[str, Tensor]) -> None:
        """Restore a state from `save`."""
