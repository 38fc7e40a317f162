"""The trainer process of a task with a command of its own: checks rewards, runs commands, reads their progress.

It answers the same messages as `service.py`. The commands are the user's own and are not isolated. A command gets the
reward as a module that was written from the verified program.
"""

from __future__ import annotations

import hashlib
import math
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from eureka.config.external import PLACEHOLDERS, ExternalFile
from eureka.config.parameters import Curriculum
from eureka.config.tasks import LoadedTask
from eureka.errors import UserError
from eureka.rewards.program import Field
from eureka.runs import layout
from eureka.runs.candidate import Dropped, Failed, Outcome, Trained
from eureka.runs.events import TrainingProgress
from eureka.runs.progress import curves
from eureka.system.hardware import cores
from eureka.system.paths import load_sandbox
from eureka.system.processes import end_left_behind
from eureka.trainer.checking import checked
from eureka.trainer.command import CommandRun
from eureka.trainer.external_description import describe, read_states, synthetic_states
from eureka.workers import messages

_source = load_sandbox("source")
_USUAL = (
    "PATH", "HOME", "LANG", "LC_ALL", "TZ", "USER", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "CXX",
    "CUDA_VISIBLE_DEVICES", "MUJOCO_GL",
)  # fmt: skip  # environment variables that each command gets
_POLL = 0.1  # s
_PROGRESS_EVERY = 1.0  # s
_DESCRIBE_TIMEOUT = 600.0  # s


_Key = tuple[str, int, int]
"""Program, seed, and a number among members of one message that have both in common."""


@dataclass
class _Job:
    """One training of a reward."""

    run: CommandRun
    program: str
    seed: int
    batch: int
    """Number of the `Train` message that began it."""
    slot: int | None = None
    home: int | None = None
    """The slot, and so the GPU, in which it was started: after a rung it continues there."""

    def reached(self, step: int) -> bool:
        """Whether nothing is left to do up to this step; at the last one, the command must have ended."""
        there = step < self.run.steps and bool(self.run.lines) and self.run.lines[-1].step >= step
        return self.run.finished or there


class ExternalService:
    """One loaded task, and the commands on it."""

    def __init__(self, loaded: LoadedTask, slots: int, curriculum: Curriculum, send: Callable[[messages.Answer], None]):
        """Describe the task; `slots` commands run at the same time."""
        assert isinstance(loaded.file, ExternalFile)
        if curriculum.parameters or curriculum.stages:
            raise UserError(f"{loaded.file.name} is trained by a command, which has no parameters and no stages")
        self.loaded, self.file, self.slots, self.send = loaded, loaded.file, slots, send
        self.folder = (loaded.path.parent / self.file.trainer.folder).resolve()
        if not self.folder.is_dir():
            raise UserError(f"{loaded.path}: trainer.folder: there is no folder {self.folder}")
        self.gpus = [gpu for gpu in os.environ.get("EUREKA_GPUS", "").split(",") if gpu]
        self.states = self._states()
        self.description = describe(self.file, self.states if self.file.trainer.describe else None)
        self.fields = {name: Field(*of) for name, of in self.description.fields().items()}
        self.jobs: dict[_Key, _Job] = {}
        self._batch = 0
        self._turn = threading.RLock()

    def described(self, fence: str) -> messages.Described:
        return messages.Described(description=self.description, fence=fence, sizes=None)

    def answer(self, command: messages.Command) -> None:
        match command:
            case messages.Preflight():
                endless = not self.description.termination
                self.send(checked(command, self.fields, self.states, endless))
            case messages.Measure():  # how fast a command trains is not known before one has run
                self.send(messages.Measured(seconds=0.0, steps=1, evaluation=0.0))
            case messages.Train():
                self._train(command)
            case _:
                raise UserError(
                    f"{self.file.name} is trained by a command, and its policies cannot be played here; play them with "
                    "the program that trained them, from the folders output/ of the run"
                )

    def close(self) -> None:
        """End all commands; called in another thread, after which nothing is recorded of them."""
        self._turn.acquire()
        for job in self.jobs.values():
            job.run.terminate()
        for job in self.jobs.values():
            job.run.kill()

    def _states(self) -> dict[str, Tensor]:
        if not self.file.trainer.describe:
            return synthetic_states(self.file)
        with tempfile.TemporaryDirectory(prefix="describe-") as out:  # in the scratch folder of the run
            values = dict.fromkeys(PLACEHOLDERS, "") | {"out": out}
            arguments = self._arguments(self.file.trainer.describe, values)
            run = CommandRun(Path(out), 0, math.inf)
            run.start(arguments, self.folder, self._variables() | _as_variables(values))
            if problem := run.wait(_DESCRIBE_TIMEOUT):
                raise UserError(f"{self.loaded.path}: trainer.describe: {arguments[0]} {problem}")
            return read_states(Path(out) / "states.jsonl", self.file)

    def _arguments(self, given: Sequence[str], values: dict[str, str]) -> list[str]:
        values = {**values, "python": sys.executable}
        found = []
        for argument in given:
            for name in (*PLACEHOLDERS, "python"):
                argument = argument.replace(f"{{{name}}}", values[name])
            found.append(argument)
        return found

    def _variables(self, slot: int = 0) -> dict[str, str]:
        """Environment variables of a command."""
        threads = str(max(1, cores() // self.slots))
        found = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        found |= {name: os.environ[name] for name in _USUAL if os.environ.get(name)}
        found |= {name: os.environ[f"EUREKA_PASS_{name}"] for name in self.file.trainer.environment}
        if self.gpus:
            found["CUDA_VISIBLE_DEVICES"] = self.gpus[slot % len(self.gpus)]
        return found

    def _train(self, command: messages.Train) -> None:
        plan = command.plan
        until, steps = command.until or plan.iterations, plan.iterations
        home = Path(command.folder).parent
        home.mkdir(parents=True, exist_ok=True)
        keys: list[_Key] = []
        for program, seed in zip(command.programs, command.seeds, strict=True):
            keys.append((program, seed, sum(key[:2] == (program, seed) for key in keys)))
        self._batch += 1
        self._drop({self.jobs[key].batch for key in keys if key in self.jobs}, keys)
        for key in keys:
            if key not in self.jobs:
                program, seed, twin = key
                folder = home / hashlib.sha256(f"{seed} {twin} {program}".encode()).hexdigest()[:16]
                end_left_behind(folder)
                run = CommandRun(folder, steps, self.file.trainer.timeout)
                self.jobs[key] = _Job(run, program, seed, self._batch)
        jobs = [self.jobs[key] for key in keys]
        for job in jobs:
            job.batch = self._batch
        self._run(jobs, until, steps)
        outcomes = tuple(self._outcome(job, until, steps) for job in jobs)
        policies: tuple[messages.HashedFile, ...] = ()
        if all(job.run.finished for job in jobs):
            policies = tuple(_hashed(job.run.folder) for job in jobs)
        for key in keys:
            if self.jobs[key].run.finished:
                del self.jobs[key]
        self.send(messages.Outcomes(outcomes=outcomes, policies=policies, clocks={}, sizes=None))

    def _drop(self, batches: set[int], keys: Sequence[_Key]) -> None:
        """End the commands that a race has left behind: those of a continued batch that do not continue."""
        for key in [k for k, job in self.jobs.items() if job.batch in batches and k not in keys]:
            self.jobs.pop(key).run.kill()

    def _run(self, jobs: Sequence[_Job], until: int, steps: int) -> None:
        """Let the commands train up to a step, as many at the same time as there are slots."""
        told = 0.0
        while any(not job.reached(until) or job.run.running for job in jobs):
            with self._turn:
                self._advance(jobs, until, steps)
            if time.monotonic() - told > _PROGRESS_EVERY:
                told = time.monotonic()
                self.send(messages.Progress(progress=self._progress(jobs, until)))
            time.sleep(_POLL)

    def _advance(self, jobs: Sequence[_Job], until: int, steps: int) -> None:
        """Start commands in free slots, and read what the others have reported."""
        free = [slot for slot in range(self.slots) if all(job.slot != slot for job in jobs)]
        for job in jobs:
            if not job.reached(until) and not job.run.running and job.slot is None:
                slot = next((s for s in free if job.home in (None, s)), None)
                if slot is not None:
                    free.remove(slot)
                    job.slot = job.home = slot
                    self._start(job, steps)
        for job in jobs:
            if not job.run.running and not job.run.finished:
                continue
            job.run.poll()
            if job.reached(until) and until < steps:
                job.run.pause()
            if job.run.finished or not job.run.running:
                job.slot = None

    def _start(self, job: _Job, steps: int) -> None:
        folder = job.run.folder
        folder.mkdir(parents=True, exist_ok=True)
        reward = folder / "reward.py"
        about = f"A reward for the task {self.file.name}, written by eureka from a program that was checked."
        try:
            reward.write_text(_source.module(job.program, about))
        except _source.Unwritable as problem:
            job.run.fail(str(problem))
            return
        values = {"reward": str(reward), "out": str(folder), "seed": str(job.seed % 2**31), "steps": str(steps)}
        variables = self._variables(job.slot or 0) | _as_variables(values)
        job.run.start(self._arguments(self.file.trainer.command, values), self.folder, variables)

    def _progress(self, jobs: Sequence[_Job], until: int) -> TrainingProgress:
        done = [min(until, job.run.lines[-1].step) if job.run.lines else 0 for job in jobs]
        now = [self._sign * job.run.lines[-1].fitness if job.run.lines else None for job in jobs]
        return TrainingProgress(
            iteration=min(done, default=0),
            iterations=until,
            steps=sum(done),
            steps_left=sum(until - d for d, job in zip(done, jobs, strict=True) if not job.run.finished),
            clocks={},
            fitness=now,
        )

    @property
    def _sign(self) -> float:
        return -1.0 if self.file.fitness.better == "lower" else 1.0

    def _outcome(self, job: _Job, until: int, steps: int) -> Outcome:
        if job.run.problem is not None:
            return Failed(stage="train", message=job.run.problem, machine=True)
        lines = job.run.lines if until == steps else _up_to(job.run.lines, until)
        found = curves(lines, self._sign)
        last = len(found.steps) - 1
        fitness = found.fitness[-1]
        if until < steps:
            best = max(range(last + 1), key=lambda i: (found.fitness[i], -i))
            return Dropped(curves=found, best=best, selection=found.fitness[best], diverged=0, steps=lines[-1].step)
        return Trained(
            curves=found,
            best=last,
            selection=fitness,
            report=fitness,
            report_episodes=[fitness],
            metrics={name: values[-1] for name, values in found.metrics.items()},
            diverged=0,
            steps=lines[-1].step,
        )


def _as_variables(values: dict[str, str]) -> dict[str, str]:
    return {f"EUREKA_{name.upper()}": value for name, value in values.items()}


def _up_to(lines: Sequence[Any], step: int) -> list[Any]:
    """The lines up to a step, at least the first."""
    return [line for i, line in enumerate(lines) if line.step <= step or not i]


def _hashed(folder: Path) -> messages.HashedFile:
    """The output folder of a training, with the hash of how it ended."""
    return messages.HashedFile(
        file=str(folder), sha256=hashlib.sha256((folder / layout.ENDED).read_bytes()).hexdigest()
    )
