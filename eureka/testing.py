"""Worlds of a task in this process, for tests of the task: see the test that `eureka new-task` writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import mujoco
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from eureka.config.tasks import load_task
from eureka.envs.env import Env
from eureka.envs.introspection import load_class, make_scene
from eureka.physics.base import DERIVED, ON_DEMAND, STATE, Physics
from eureka.physics.names import Named
from eureka.physics.threads import ThreadPhysics
from eureka.task import Task


def load(path: Path | str) -> Task:
    """The task of a YAML file, or a shipped task by its name."""
    return load_class(load_task(str(path)))


def worlds(task: Task, count: int = 32, seed: int = 0) -> Env:
    """An environment of `count` worlds on the CPU, for one member: actions are (1, `count`, A)."""
    return Env(task, ThreadPhysics(make_scene(task), count, 1), torch.tensor([seed]), "test")


def trace_step(task: Task) -> None:
    """Trace control steps without values, as for a CUDA graph; raises if the code needs a tensor's value."""
    model = make_scene(task)
    with FakeTensorMode(allow_non_fake_inputs=True):  # a task may hold tensors since it was made
        env = Env(task, cast(Physics, _Shapes(model, 4)), torch.zeros(2, dtype=torch.int64), "test", static=True)
        shape = env.reset().shape
        for _ in range(2):
            step = env.step(torch.zeros(2, 2, task.action_size), lambda _: torch.zeros(2, 2))
            assert step.observation.shape == shape and step.fitness.shape == (2, 2)


class _Shapes(Named):
    """A `Physics` whose views have shapes, but do not move."""

    def __init__(self, model: Any, count: int):
        self.model, self.num_worlds, self.device = model, count, torch.device("cpu")
        data = mujoco.MjData(model)
        for name in (*STATE, *DERIVED, *ON_DEMAND):
            setattr(self, name, torch.zeros(count, *getattr(data, name).shape))
        self.step = self.reset = self.forward = lambda _: None
