"""The tasks of Gymnasium's MuJoCo environments, for their tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import yaml
from torch import Tensor

from eureka.config.tasks import LoadedTask, TaskFile, load_task
from eureka.envs.env import Env
from eureka.envs.gymnasium.batched import MujocoTask
from eureka.envs.introspection import load_class, make_scene
from eureka.physics.threads import ThreadPhysics
from eureka.system.paths import shipped

IDS: dict[str, str] = yaml.safe_load((shipped("tasks") / "gymnasium" / "ids.yaml").read_text())
BIRD = ("half_cheetah", "hopper_hop", "swimmer_forward", "inverted_pendulum_balance", "reacher_reach")


def task_of(name: str) -> MujocoTask:
    task = load_class(load_task(name))
    assert isinstance(task, MujocoTask)
    return task


def task_with(identifier: str, arguments: Mapping[str, Any]) -> LoadedTask:
    loaded = load_task(f"gymnasium:{identifier}")
    assert isinstance(loaded.file, TaskFile)
    return loaded.model_copy(update={"file": loaded.file.model_copy(update={"kwargs": dict(arguments)})})


def open_env(task: MujocoTask, worlds: int, threads: int = 1, members: int = 1) -> Env:
    physics = ThreadPhysics(make_scene(task), members * worlds, threads)
    return Env(task, physics, torch.zeros(members, dtype=torch.int64), "test")


def actions_of(task: MujocoTask, steps: int, worlds: int) -> list[Tensor]:
    chance = torch.Generator().manual_seed(1)
    return [2 * torch.rand(1, worlds, task.action_size, generator=chance) - 1 for _ in range(steps)]
