"""What runs on our own environment: our training with one policy, rsl_rl's, and the bare simulator beneath it."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import torch
from mujoco.batch import Batch
from trainings import Setting, setting

from eureka.config.settings import Learning
from eureka.physics.base import substeps_of
from eureka.rewards.program import ProgramBank
from eureka.rl.rollout import Rollout


class Ours:
    """`Training` with P = 1."""

    def __init__(
        self,
        task: str,
        program: str,
        worlds: int,
        learning: dict[str, Any],
        seed: int,
        threads: int = 1,
        device: str = "cpu",
    ):
        """Set it up, for a program from the sandbox."""
        chosen = Learning(**learning)
        self._setting = setting(task, device, threads)
        self._training = self._setting.training([program], worlds, 1 << 30, chosen, seed=seed)
        self._returns: deque[float] = deque(maxlen=100)
        self._update = self._training.learner.update
        self._training.learner.update = self._watched  # type: ignore[method-assign]
        self.steps = worlds * chosen.horizon

    def _watched(self, rollout: Rollout, *rest: Any) -> Any:
        self._returns.extend(rollout.fitness[0][rollout.ended[0]].tolist())
        return self._update(rollout, *rest)

    def iterate(self) -> dict[str, float]:
        clocks = self._training.clocks
        before, start = vars(clocks).copy(), time.perf_counter()
        self._training.iterate()
        self._setting.backend.synchronize()
        total = time.perf_counter() - start
        return {part: vars(clocks)[part] - before[part] for part in ("env", "policy", "learning")} | {"total": total}

    def mean_return(self) -> float | None:
        full = len(self._returns) == self._returns.maxlen
        return sum(self._returns) / len(self._returns) if full else None

    def close(self) -> None:
        """Nothing was started."""


class Rsl:
    """rsl_rl's training on the same environment of ours, under the same reward program."""

    def __init__(
        self,
        task: str,
        program: str,
        worlds: int,
        learning: dict[str, Any],
        torch_threads: int,
        seed: int,
        threads: int = 1,
        device: str = "cpu",
    ):
        """Set it up; `torch_threads` for one operation of torch."""
        from peers.rsl import Peer

        chosen, own = setting(task, device, threads), Learning(**learning)
        torch.set_num_threads(torch_threads)
        bank = ProgramBank([chosen.program(program, worlds)], worlds)
        self._iterations = Peer(chosen.env(worlds, seed), bank, own, seed).learn()
        self._return: float | None = None
        self.steps = worlds * own.horizon

    def iterate(self) -> dict[str, float]:
        start = time.perf_counter()
        done = next(self._iterations)
        self._return = done.training_return
        return {"collect": done.collection, "learning": done.learning, "total": time.perf_counter() - start}

    def mean_return(self) -> float | None:
        return self._return

    def close(self) -> None:
        """Nothing was started."""


class Bare:
    """`mujoco.batch` on states and controls of random play: no environment, no views, no learner."""

    def __init__(self, task: str, worlds: int, horizon: int, threads: int):
        """Play first, to have the states and controls."""
        self._played = RandomPlay(setting(task, threads=threads), worlds, horizon)
        self._batch = Batch(self._played.model, worlds, threads)
        self.steps = worlds * horizon

    def iterate(self) -> dict[str, float]:
        return {"total": self._played.again(self._batch)}

    def mean_return(self) -> float | None:
        return None

    def close(self) -> None:
        """Nothing was started."""


class RandomPlay:
    """Worlds some way into episodes of random actions, and what controls come next."""

    def __init__(self, chosen: Setting, worlds: int, steps: int, before: int = 32):
        """Play `before` control steps, keep the states, and record the controls of `steps` more."""
        task, device = chosen.task, chosen.backend.torch_device
        env = chosen.env(worlds)
        self.model, self.steps = chosen.model, worlds * steps
        self.substeps = substeps_of(chosen.model, task.control_period)
        generator = torch.Generator().manual_seed(0)
        actions = 2 * torch.rand(before + steps, 1, worlds, task.action_size, generator=generator) - 1
        actions = actions.to(device)
        env.reset()
        for action in actions[:before]:
            env.step(action)
        self.actions = actions[before:]
        """(T, 1, W, A)."""
        self.saved = {name: value.clone() for name, value in env.save().items()}
        """For `Env.load`."""
        self.state = env.physics.save()
        """For `Physics.load`."""
        controls = []
        for action in self.actions:
            env.step(action)
            controls.append(env.physics.ctrl.clone())
        self.controls = torch.stack(controls)
        """(T, W, nu)."""

    def again(self, batch: Batch) -> float:
        """Seconds that a bare batch takes for the same steps."""
        batch.state[:] = self.state["state"].numpy()
        control = batch.bind("ctrl")
        start = time.perf_counter()
        for values in self.controls.numpy():
            control[:] = values
            batch.step(nstep=self.substeps)
        return time.perf_counter() - start
