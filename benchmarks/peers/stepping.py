"""Environments stepped with random actions: ours, and Gymnasium's own in its vectorised ones."""

from __future__ import annotations

import time
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from trainings import setting

ACTIONS = 256
"""Control steps whose actions are made beforehand; then the same ones are taken again."""


class OurWorlds:
    """Our environment, without a reward."""

    def __init__(self, task: str, worlds: int, threads: int, device: str = "cpu"):
        """Begin an episode in every world."""
        chosen = setting(task, device, threads)
        self._backend, self._env = chosen.backend, chosen.env(worlds)
        self.observation_size = self._env.reset().shape[-1]
        generator = torch.Generator().manual_seed(0)
        shape = (ACTIONS, 1, worlds, chosen.task.action_size)
        self._actions = (2 * torch.rand(shape, generator=generator) - 1).to(self._backend.torch_device)
        self._next, self.steps = 0, worlds

    @torch.no_grad()
    def step(self, seconds: float) -> dict[str, Any]:
        """Step for so long; env-steps a second."""
        begun, count = time.perf_counter(), 0
        while count == 0 or time.perf_counter() - begun < seconds:
            self._env.step(self._actions[self._next % ACTIONS])
            self._next, count = self._next + 1, count + 1
        self._backend.synchronize()
        rate = count * self.steps / (time.perf_counter() - begun)
        return {"steps_per_second": rate, "observation_size": self.observation_size}

    def close(self) -> None:
        """Nothing was started."""


class GymnasiumWorlds:
    """Gymnasium's environments, without its checks of actions, and without copies of what they return."""

    def __init__(self, environment: str, options: dict[str, Any], envs: int, apart: bool):
        """Make `envs` environments, in processes of their own if `apart`, and begin an episode in each."""
        torch.set_num_threads(1)
        makers = [lambda: gymnasium.make(environment, disable_env_checker=True, **options)] * envs
        self._env = AsyncVectorEnv(makers, copy=False) if apart else SyncVectorEnv(makers, copy=False)
        observation, _ = self._env.reset(seed=0)
        self.observation_size = observation.shape[-1]
        space = self._env.single_action_space
        assert isinstance(space, gymnasium.spaces.Box)
        chance = np.random.default_rng(0)
        self._actions = chance.uniform(space.low, space.high, (ACTIONS, envs, *space.shape)).astype(np.float32)
        self._ended = np.zeros(envs, dtype=bool)
        self._next, self.steps = 0, envs

    def step(self, seconds: float) -> dict[str, Any]:
        """Step for so long; env-steps a second."""
        begun, count, ends = time.perf_counter(), 0, [self._ended]
        while count == 0 or time.perf_counter() - begun < seconds:
            _, _, terminated, truncated, _ = self._env.step(self._actions[self._next % ACTIONS])
            ends.append(terminated | truncated)
            self._next, count = self._next + 1, count + 1
        took = time.perf_counter() - begun
        self._ended = ends.pop()
        # The call after the end of an episode begins the next one and simulates nothing. Ours does both in one step.
        done = count * self.steps - int(np.sum(ends))
        return {"steps_per_second": done / took, "observation_size": self.observation_size}

    def close(self) -> None:
        self._env.close()
