"""What runs on our own environment: our training with one policy, rsl_rl's, and the bare simulator beneath it."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import numpy as np
import torch
from mujoco.batch import Batch
from torch import Tensor
from trainings import Device, Setting, setting

from eureka.config import Learning
from eureka.env import Rewards, Step, Worlds
from eureka.physics.base import substeps_of
from eureka.rewards.program import ProgramBank, rebuild


class Ours:
    """`Training` with P = 1."""

    def __init__(self, task: str, program: str, worlds: int, learning: dict[str, Any], threads: int, seed: int):
        chosen = Learning(**learning)
        self._training = setting(task).training([program], worlds, 1 << 30, chosen, Device("cpu", threads), seed=seed)
        self._watched = Watched(self._training.env)
        self._training.env = self._watched  # type: ignore[assignment]
        self.steps = worlds * chosen.horizon

    def iterate(self) -> dict[str, float]:
        clocks = self._training.clocks
        before, start = vars(clocks).copy(), time.perf_counter()
        self._training.iterate()
        parts = {name: value - before[name] for name, value in vars(clocks).items()}
        used = {name: parts[name] for name in ("env", "policy", "learning")}
        return used | {"total": time.perf_counter() - start}

    def mean_return(self) -> float | None:
        return self._watched.mean_return()

    def close(self) -> None:
        pass


class Watched:
    """An environment whose finished episodes are remembered."""

    def __init__(self, env: Worlds):
        self._env = env
        self._returns: deque[float] = deque(maxlen=100)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._env, name)

    def step(self, action: Tensor, rewards: Rewards | None = None) -> Step:
        """As the environment's own."""
        step = self._env.step(action, rewards)
        ended = step.terminated | step.timed_out
        if bool(ended.any()):
            self._returns.extend(step.fitness[ended].tolist())
        return step

    def mean_return(self) -> float | None:
        """As in `Learner`."""
        full = len(self._returns) == self._returns.maxlen
        return sum(self._returns) / len(self._returns) if full else None


class Rsl:
    """rsl_rl's training on the same environment of ours, under the same reward program."""

    def __init__(
        self,
        task: str,
        program: str,
        worlds: int,
        learning: dict[str, Any],
        threads: int,
        torch_threads: int,
        seed: int,
    ):
        from peers.rsl import Peer

        chosen, own = setting(task), Learning(**learning)
        torch.set_num_threads(torch_threads)
        bank = ProgramBank([rebuild(program, chosen.fields, worlds)], worlds)
        watched = Watched(chosen.env(worlds, Device("cpu", threads), seed=seed))
        self._watched, self._iterations = watched, Peer(watched, bank, own, seed).learn()  # type: ignore[arg-type]
        self.steps = worlds * own.horizon

    def iterate(self) -> dict[str, float]:
        start = time.perf_counter()
        done = next(self._iterations)
        return {
            "collect": done.collection,
            "learning": done.learning,
            "total": time.perf_counter() - start,
        }

    def mean_return(self) -> float | None:
        return self._watched.mean_return()

    def close(self) -> None:
        pass


class Bare:
    """`mujoco.batch` on states and controls of random play: no environment, no views, no learner."""

    def __init__(self, task: str, worlds: int, horizon: int, threads: int):
        played = RandomPlay(setting(task), worlds, horizon)
        self._played = played
        self._batch = Batch(played.model, worlds, threads)
        self.steps = worlds * horizon

    def iterate(self) -> dict[str, float]:
        return {"total": self._played.again(self._batch)}

    def mean_return(self) -> float | None:
        return None

    def close(self) -> None:
        pass


class RandomPlay:
    """Worlds some way into episodes of random actions, and what controls come next."""

    def __init__(self, chosen: Setting, worlds: int, steps: int, before: int = 32):
        """Play `before` control steps, keep the states, and record the controls of `steps` more."""
        task = chosen.task
        env = chosen.env(worlds, Device("cpu", 1))
        physics: Any = env.physics
        self.model = chosen.model
        self.substeps = substeps_of(chosen.model, task.control_period)
        generator = torch.Generator().manual_seed(0)
        self.actions = 2 * torch.rand(before + steps, 1, worlds, task.action_size, generator=generator) - 1
        env.reset()
        for action in self.actions[:before]:
            env.step(action)
        self.saved = {name: value.clone() for name, value in env.save().items()}
        self.actions = self.actions[before:]
        self.state: np.ndarray = physics.save()["state"].numpy().copy()
        """(W, ...) MuJoCo's integration state."""
        controls = []
        for action in self.actions:
            env.step(action)
            controls.append(physics.ctrl.numpy().copy())
        self.controls = np.stack(controls)
        """(T, W, nu)."""

    def again(self, batch: Batch) -> float:
        """Seconds that a batch takes for the same steps."""
        batch.state[:] = self.state
        control = batch.bind("ctrl")
        start = time.perf_counter()
        for values in self.controls:
            control[:] = values
            batch.step(nstep=self.substeps)
        return time.perf_counter() - start
