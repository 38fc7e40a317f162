"""Worlds of a task in this process, for tests of the task: see the test that `eureka new-task` writes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from eureka.config.tasks import load_task
from eureka.envs.env import Env
from eureka.envs.introspection import load_class
from eureka.physics.base import Physics, compile_scene
from eureka.physics.threads import ThreadPhysics
from eureka.task import Task


def load(path: Path | str) -> Task:
    """The task of a YAML file, or a shipped task by its name."""
    return load_class(load_task(str(path)))


def worlds(task: Task, count: int = 32, seed: int = 0) -> Env:
    """An environment of `count` worlds on the CPU, for one member: actions are (1, `count`, A)."""
    return Env(task, ThreadPhysics(compile_scene(task.scene()), count, 1), torch.tensor([seed]), "test")


def trace_step(task: Task) -> None:
    """Trace control steps without values, as for a CUDA graph; raises if the code needs a tensor's value."""
    model = compile_scene(task.scene())
    with FakeTensorMode():
        env = Env(task, cast(Physics, _Shapes(model, 4)), torch.zeros(2, dtype=torch.int64), "test", static=True)
        shape = env.reset().shape
        for _ in range(2):
            step = env.step(torch.zeros(2, 2, task.action_size), lambda _: torch.zeros(2, 2))
            assert step.observation.shape == shape and step.fitness.shape == (2, 2)


class _Shapes:
    """A `Physics` whose views have shapes, but do not move."""

    def __init__(self, model: Any, count: int):
        self.model, self.num_worlds, self.device = model, count, torch.device("cpu")
        m, zeros = model, partial(torch.zeros, count)
        self.qpos, self.qvel, self.ctrl, self.qfrc_actuator = zeros(m.nq), zeros(m.nv), zeros(m.nu), zeros(m.nv)
        self.xfrc_applied = zeros(m.nbody, 6)
        self.xpos, self.xquat, self.site_xpos = zeros(m.nbody, 3), zeros(m.nbody, 4), zeros(m.nsite, 3)
        self.sensordata = zeros(m.nsensordata)
        self.step = self.reset = self.forward = lambda _: None

    def assign(self, mask: Tensor, **values: Tensor) -> None:
        for view, value in ((getattr(self, name), value) for name, value in values.items()):
            view.copy_(torch.where(mask[:, None], value.to(view.dtype), view))

    def sensor(self, name: str) -> Tensor:
        sensor = self.model.sensor(name)
        return self.sensordata[:, sensor.adr[0] : sensor.adr[0] + sensor.dim[0]]
