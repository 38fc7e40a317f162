"""What the benchmarks measure, made in one place: tasks, reward programs, environments, trainings."""

from __future__ import annotations

import os

# The trainer's own setting: one thread an operation, members spread over the cores.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mujoco
import torch
from torch import Tensor

from eureka.config.settings import Evaluation, Learning, Plan, Preset
from eureka.config.tasks import LoadedTask, load_task
from eureka.designers import prompts
from eureka.designers.base import Request
from eureka.designers.evolutionary import Search
from eureka.designers.extraction import extract
from eureka.envs.env import Env
from eureka.envs.introspection import RECORDED_WORLDS, describe, load_class, random_states
from eureka.physics.backend import Backend
from eureka.physics.base import compile_scene
from eureka.physics.threads import ThreadPhysics
from eureka.rewards.compiler import Compiler
from eureka.rewards.program import Field, Program, rebuild
from eureka.rl.training import Training
from eureka.runs.candidate import Failed
from eureka.system.paths import load_sandbox
from eureka.system.seeds import derive
from eureka.task import Task
from eureka.workers.isolation import IsolationPolicy

NONE = Evaluation(checkpoints=1, selection_episodes=1, report_episodes=1)
"""For trainings of which only iterations are timed."""


@dataclass(frozen=True)
class Setting:
    """A task, ready to be trained on."""

    loaded: LoadedTask
    task: Task
    model: mujoco.MjModel
    states: dict[str, Tensor]
    """(S, ...) each: states met in random play."""
    fields: dict[str, Field]
    observation_size: int
    backend: Backend

    @property
    def name(self) -> str:
        """The task's."""
        return self.loaded.file.name

    @property
    def preset(self) -> Preset:
        """The sizes for this kind of machine."""
        return preset_for(self.loaded, self.backend.torch_device.type)

    def env(self, worlds: int, seed: int = 0) -> Env:
        """An environment of one member."""
        seeds = torch.tensor([seed], device=self.backend.torch_device)
        return Env(self.task, self.backend.open(self.model, worlds), seeds, "benchmark", static=self.backend.warp)

    def program(self, text: str, worlds: int) -> Program:
        """A program for one member's worlds."""
        return rebuild(text, self.fields, worlds, str(self.backend.torch_device))

    def rewards(self, count: int) -> list[str]:
        """Rewards as the built-in search proposes them at first, one like no other."""
        curriculum = self.preset.curriculum
        description = describe(self.loaded, self.task, self.states, self.observation_size, curriculum)
        request = Request(1, tuple(range(count)), 0, prompts.first(description), description, None)
        (answer,) = Search(0).propose([request])
        return [extract(reply.text, reply.finish).code or "" for reply in answer.replies]

    def human(self) -> str:
        """The reward that a person wrote for the task."""
        return self.loaded.reward_code("human")

    def training(
        self,
        programs: Sequence[str],
        worlds: int,
        iterations: int,
        learning: Learning,
        evaluation: Evaluation = NONE,
        seed: int = 0,
    ) -> Training:
        """A population with one program a member, all members with the same seed, as in a search."""
        plan = Plan(worlds, iterations, learning, evaluation, seed, "benchmark", curriculum=self.preset.curriculum)
        built = [self.program(text, worlds) for text in programs]
        seeds = [derive(seed, "benchmark")] * len(built)
        return Training(self.task, self.model, built, seeds, plan, self.backend)


def preset_for(loaded: LoadedTask, device: str) -> Preset:
    """The sizes and parameters for this kind of machine."""
    return loaded.preset("gpu" if device == "cuda" and "gpu" in loaded.file.presets else "cpu")


def setting(name: str, device: str = "cpu", threads: int = 1) -> Setting:
    """A task, ready to run on `device`.

    Args:
        name: of a YAML file beside this one or else of a shipped task, the path of a YAML file, or gymnasium:ID.
        device: of physics and learner.
        threads: of the CPU physics and learner.
    """
    torch.set_num_threads(1)
    mine = Path(__file__).parent / f"{name}.yaml"
    loaded = load_task(str(mine) if mine.is_file() else name)
    task = load_class(loaded, preset_for(loaded, device).curriculum)
    model = compile_scene(task.scene())
    env = Env(task, ThreadPhysics(model, RECORDED_WORLDS, 1), torch.zeros(1, dtype=torch.int64), "benchmark")
    states = random_states(task, env)
    fields = {name: Field(tuple(v.shape[1:]), str(v.dtype).removeprefix("torch.")) for name, v in states.items()}
    backend = Backend(device, threads)
    if backend.warp:
        from eureka.envs.sizing import measure_sizes

        backend.sizes = measure_sizes(task, model, threads)
    return Setting(loaded, task, model, states, fields, env.actor_size, backend)


def compiled(sources: Sequence[str], fields: dict[str, Field], jailed: bool = True) -> tuple[list[str], float]:
    """Rewards' programs, by way of the sandbox, and the seconds that took from the start of its process.

    Rewards of our own may be traced in this process instead, which is sooner there.
    """
    start = time.perf_counter()
    if not jailed:
        trace = load_sandbox("trace")
        return [trace.compile_reward(source, fields) for source in sources], time.perf_counter() - start
    with tempfile.TemporaryDirectory() as folder:
        compiler = Compiler(IsolationPolicy(), Path(folder) / "log")
        try:
            wanted = {name: (list(f.shape), f.dtype) for name, f in fields.items()}
            results = dict(compiler.compile(dict(enumerate(sources)), wanted))
        finally:
            compiler.close()
    for result in results.values():
        if isinstance(result, Failed):
            sys.exit(f"error: {result}")
    return [str(results[i]) for i in range(len(sources))], time.perf_counter() - start


def reference(task: str, horizon: int) -> Learning:
    """The fixed learner that rates of training are given for: 64-64 for cartpole, 128-128 for all others."""
    hidden = (64, 64) if task == "cartpole" else (128, 128)
    return Learning(horizon=horizon, hidden=hidden, epochs=5, minibatches=4, initial_std=0.5)
