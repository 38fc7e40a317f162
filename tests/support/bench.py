"""A task with everything that a test in this process needs."""

from __future__ import annotations

import functools

import torch

from eureka.config.tasks import LoadedTask, load_task
from eureka.envs.env import Env
from eureka.envs.introspection import load_class, random_states
from eureka.physics.base import compile_scene
from eureka.physics.threads import ThreadPhysics
from eureka.rewards.program import Field, Program, rebuild
from eureka.system.paths import load_sandbox
from eureka.task import Task


class Bench:
    """A task with everything a test needs to train on it in this process."""

    def __init__(self, name: str):
        self.loaded: LoadedTask = load_task(name)
        self.task: Task = load_class(self.loaded)
        self.model = compile_scene(self.task.scene())
        self.states = random_states(self.task, self.env(1, 32))
        self.fields = {
            k: Field(tuple(v.shape[1:]), str(v.dtype).removeprefix("torch.")) for k, v in self.states.items()
        }
        self._texts: dict[str, str] = {}

    def env(self, members: int, worlds: int, threads: int = 1, stream: str = "test", static: bool | None = None) -> Env:
        physics = ThreadPhysics(self.model, members * worlds, threads)
        return Env(self.task, physics, torch.zeros(members, dtype=torch.int64), stream, static)

    def text(self, source: str) -> str:
        """The program of a reward, traced once in this process: for trusted text only."""
        if source not in self._texts:
            self._texts[source] = load_sandbox("trace").compile_reward(source, self.fields)
        return self._texts[source]

    def program(self, source: str, worlds: int) -> Program:
        return rebuild(self.text(source), self.fields, worlds)

    def baseline(self, name: str, worlds: int) -> Program:
        return self.program(self.loaded.rewards[name].read_text(), worlds)


@functools.cache
def bench_of(name: str) -> Bench:
    """The same bench for every test that asks for it: making one plays the task at random."""
    return Bench(name)
