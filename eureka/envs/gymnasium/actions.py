"""From a policy's actions to those of a Gymnasium environment: a box of numbers, or choices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete, Space
from torch import Tensor

from eureka.envs.base import chosen

_UNBOUNDED = 1e18  # Limits of actions beyond this are taken for none
SUPPORTED = (Box, Discrete, MultiDiscrete, MultiBinary)


class Actions(Protocol):
    """What a policy's actions (W, A) mean to an environment."""

    size: int  # A
    choices: tuple[int, ...]  # Sizes of the choices, which sum to A; none for a box

    def read(self, action: Tensor) -> Tensor:
        """(W, A) the actions that apply: clamped to [-1, 1], or the largest entry of each choice as one-hot numbers."""
        ...

    def native(self, action: np.ndarray) -> Sequence[Any]:
        """W actions of the environment's own space, from the result of `read`."""
        ...

    def text(self) -> str:
        """What they mean, for a designer."""
        ...

    def assumptions(self) -> Sequence[str]:
        """What is assumed about them, for the user."""
        ...


class BoxActions:
    """Numbers in [-1, 1], which go linearly to the environment's own range."""

    choices = ()

    def __init__(self, space: Box):
        """Read the limits; where one or both are missing, the range has a width of 2."""
        self.shape, self.size, self._kind = space.shape, int(np.prod(space.shape)), space.dtype
        # Limits of integer actions do not fit into float32, and those that are not numbers are none.
        low, high = space.low.astype(np.float64).reshape(-1), space.high.astype(np.float64).reshape(-1)
        self._least, self._most = np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)
        at_least, at_most = np.abs(low) < _UNBOUNDED, np.abs(high) < _UNBOUNDED
        self._bounded = bool((at_least & at_most).all())
        floor = np.where(at_least, low, np.where(at_most, high - 2.0, -1.0))
        self.low, self.high = floor.astype(np.float32), np.where(at_most, high, floor + 2.0).astype(np.float32)

    def read(self, action: Tensor) -> Tensor:
        return action.clamp(-1.0, 1.0)

    def native(self, action: np.ndarray) -> Sequence[np.ndarray]:
        # In this form, actions of a box from -1 to 1 are not changed by a bit.
        scaled = np.clip(0.5 * (self.low + self.high) + action * (0.5 * (self.high - self.low)), self.low, self.high)
        scaled = np.clip(scaled, self._least, self._most) if self._kind != np.float32 else scaled
        scaled = scaled if np.issubdtype(self._kind, np.floating) else np.rint(scaled)
        scaled = scaled.astype(self._kind).reshape(len(scaled), *self.shape)
        return [scaled[i, ...] for i in range(len(scaled))]

    def text(self) -> str:
        bounds = [f"{low:.4g} .. {high:.4g}" for low, high in zip(self.low, self.high, strict=True)]
        around = bounds[0] if len(set(bounds)) == 1 else ", ".join(bounds)
        return f"It goes linearly to the environment's own range, {around}."

    def assumptions(self) -> Sequence[str]:
        found = []
        if not self._bounded:
            found.append("unbounded actions get values in [-1, 1], and those with one limit a range of 2 from it")
        if fixed := [str(i) for i in (self.low >= self.high).nonzero()[0]]:
            found.append(f"no effect have the actions {', '.join(fixed)}, whose lower and upper limits are equal")
        return found


class ChoiceActions:
    """Choices among a few, as one-hot numbers one after another."""

    def __init__(self, space: Discrete | MultiDiscrete | MultiBinary):
        """Read the number of options of each choice."""
        self._kind, self._single = space.dtype, isinstance(space, Discrete)
        if isinstance(space, Discrete):
            sizes, start = np.array([space.n]), np.array([space.start])
        elif isinstance(space, MultiDiscrete):
            sizes, start = space.nvec, space.start
        else:
            sizes, start = np.full(space.shape, 2), np.zeros(space.shape)
        self._shape, self._start = sizes.shape, start.reshape(-1)
        self.choices = tuple(int(n) for n in sizes.reshape(-1))
        self.size = sum(self.choices)

    def read(self, action: Tensor) -> Tensor:
        return chosen(action, self.choices)

    def native(self, action: np.ndarray) -> Sequence[Any]:
        edges = np.cumsum(self.choices)[:-1]
        picked = np.stack([part.argmax(axis=1) for part in np.split(action, edges, axis=1)], axis=1) + self._start
        picked = picked.astype(self._kind)
        # An environment may look a choice up in a dictionary, which takes a number and no array.
        return list(picked[:, 0]) if self._single else list(picked.reshape(len(picked), *self._shape))

    def text(self) -> str:
        if self._single:
            return f"It is a choice of one of {self.size}, as one-hot numbers."
        sizes = ", ".join(map(str, self.choices))
        return f"It is {len(self.choices)} choices, of one of {sizes}, as one-hot numbers one after another."

    def assumptions(self) -> Sequence[str]:
        return ()


def actions_of(space: Space) -> Actions:
    """The actions of a space of one of the types `SUPPORTED`."""
    if isinstance(space, Box):
        return BoxActions(space)
    assert isinstance(space, Discrete | MultiDiscrete | MultiBinary)
    return ChoiceActions(space)
