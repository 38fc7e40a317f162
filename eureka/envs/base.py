"""The interface between environments and training: batched worlds, rewards, and the result of a step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

Rewards = Callable[[dict[str, Tensor]], Tensor]
"""From the State's fields, (W, ...) each, to the total reward (P, N) float32."""


@dataclass(frozen=True)
class Step:
    """What one control step of all worlds gave. Every tensor is (P, N, ...)."""

    observation: Tensor
    """(P, N, O) float32, after the reset of the worlds whose episode ended; O counts what only the critic sees too."""
    reward: Tensor
    """(P, N) float32."""
    terminated: Tensor
    """(P, N) bool, episodes that ended by the task's rules or by divergence."""
    timed_out: Tensor
    """(P, N) bool, episodes cut at the horizon; never together with `terminated`."""
    terminal_observation: Tensor
    """(P, N, O) float32, of the state before the reset."""
    fitness: Tensor
    """(P, N) float32, of the episode so far; the episode's own where it ended, no number to use elsewhere."""
    length: Tensor
    """(P, N) int64, control steps of the episode so far, likewise."""


class Worlds(Protocol):
    """P x N worlds as training sees them: `Env`, or environments of Gymnasium's (`eureka.envs.gymnasium.env`)."""

    members: int
    worlds: int
    horizon: int
    """Control steps of an episode."""
    static: bool
    """Whether every line runs at every step, as a captured graph needs."""
    clock: Tensor
    """() int64, control steps since the worlds were made."""
    observation: Tensor
    """(P, N, O) float32, what actor and critic see now."""
    privileged: int
    """How many of its last numbers only the critic sees."""
    diverged: Tensor
    """(W,) int64, how often each world diverged."""

    @property
    def observed(self) -> int:
        """How many of its first numbers the actor sees."""
        ...

    def reset(self) -> Tensor:
        """Begin an episode in every world; (P, N, O) float32 observations."""
        ...

    def restart(self) -> Tensor:
        """Begin the first episode in every world again, as if nothing had been played; observations (P, N, O)."""
        ...

    def step(self, action: Tensor, rewards: Rewards | None = None) -> Step:
        """Apply `action` (P, N, A), clamped to [-1, 1], for one control step; no rewards, no reward: zeros."""
        ...

    def save(self) -> dict[str, Tensor]:
        """What `load` needs; (P, N, ...) each, but for counters without a dimension."""
        ...

    def load(self, saved: dict[str, Tensor]) -> None:
        """Go on from what `save` gave."""
        ...
