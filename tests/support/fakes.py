"""What a run works with, without its processes: one compiler for all tests, and trainers that do not train.

A fake trainer answers as `eureka.trainer.service` does, with the same description, the same check of programs and the
same playback; only its trainings are made up. The fitness of a training is the mean of its reward over states of
random play, with a little of the seed and the length: a function of these, as a real one is.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import hashlib
import json
import queue
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from eureka.config.parameters import Curriculum
from eureka.config.tasks import PROGRAM, LoadedTask, load_task
from eureka.experiment import context
from eureka.physics.backend import Backend
from eureka.rewards.compiler import Compiler, Fields
from eureka.runs.candidate import Curves, Dropped, Failed, Point, Trained
from eureka.runs.events import TrainingProgress
from eureka.runs.store import Run
from eureka.trainer import service
from eureka.trainer.robustness import PERTURBATIONS
from eureka.workers import executors
from eureka.workers.isolation import IsolationPolicy
from eureka.workers.messages import (
    Answer,
    Checkpoint,
    Load,
    Measure,
    Measured,
    Outcomes,
    PlayEpisodes,
    Probe,
    Probed,
    Progress,
    Train,
    decode_command,
)
from eureka.workers.process import Died

RATE = 1e5
"""World-steps a second that a fake trainer says it does."""
AVAILABLE = 8 * 2**30
"""Bytes of memory that it says there are."""


class Crash(BaseException):
    """Ends a run in this process as a kill would: nothing catches it."""


class SharedCompiler:
    """A real compiler with its real jail, started once for all tests of a process; compiles each text once."""

    def __init__(self, log: Path):
        self._log, self._compiler = log, Compiler(IsolationPolicy(), log)
        self._known: dict[tuple[str, str], str | Failed] = {}

    @property
    def sandbox(self):
        return self._compiler.sandbox

    def compile(self, sources: Mapping[Any, str], fields: Fields) -> Iterator[tuple[Any, str | Failed]]:
        about = json.dumps(fields)
        fresh = {key: text for key, text in sources.items() if (text, about) not in self._known}
        try:
            for key, result in self._compiler.compile(fresh, fields):
                self._known[sources[key], about] = result
        except BaseException:  # after an interruption, answers would be left over
            self.end()
            self._compiler = Compiler(IsolationPolicy(), self._log)
            raise
        for key, text in reversed(sources.items()):  # in any order
            yield key, self._known[text, about]

    def close(self) -> None:
        """A run ends; the compiler does not."""

    def end(self) -> None:
        self._compiler.close()


@functools.cache
def _service(task: Path | str) -> service.Service:
    return service.Service(load_task(str(task)), Backend("cpu", 1), -1, Curriculum())


class FakeTrainer:
    """A trainer process in this process."""

    real = False
    """Whether it trains."""

    def __init__(self, task: Path, device: str, threads: int, fenced: bool, scratch: Path, own: Path, *_: Any):
        own.mkdir(parents=True, exist_ok=True)
        self.said: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.running: Iterator[Answer] = iter(())
        self.task, self.fence = task, "seccomp" if fenced else ""

    def _load(self, curriculum: Curriculum) -> None:
        with self._reported():
            loaded = self._loaded
            plain = not curriculum.parameters and not curriculum.stages
            kept = plain and (loaded.shipped or not self.task.suffix)
            made = _service(self.task) if kept else service.Service(loaded, Backend("cpu", 1), -1, curriculum)
            vars(made).setdefault("totals", {})
            self.service = copy.copy(made)
            self.service.out = self.said  # type: ignore[assignment]
            self.service.send(self.service.described(self.fence).model_copy(update={"available": AVAILABLE}))

    @functools.cached_property
    def _loaded(self) -> LoadedTask:
        """Read once, as by a process."""
        return load_task(str(self.task))

    @contextlib.contextmanager
    def _reported(self):
        with contextlib.suppress(SystemExit), service._reported(self._loaded, self.said):  # type: ignore[arg-type]
            yield

    def send(self, message: dict[str, Any]) -> None:
        command = decode_command(message)
        if isinstance(command, Load):
            self._load(command.curriculum)
            return
        if isinstance(command, Train) and not self.real:
            self.running = self._train(command)
            return
        with self._reported():
            match command:
                case Measure():
                    steps = 1000 * command.members
                    took = {"seconds": steps / RATE, "steps": steps, "evaluation": 1 / RATE}
                    self.service.send(Measured(**took))
                case Probe():
                    self._probe(command)
                case PlayEpisodes() if not self.real and command.policy:  # whose file is a stand-in
                    self.service.answer(command.model_copy(update={"policy": None}))
                case _:
                    self.service.answer(command)

    def receive(self, timeout: float | None = None) -> dict[str, Any] | None:
        if self.said.empty():
            with self._reported():
                for answer in self.running:
                    self.service.send(answer)
                    break
        if self.said.empty():
            raise Died("exited with code 1")
        return self.said.get()

    def kill(self) -> None:
        self.running = iter(())

    close = kill

    def _total(self, program: str) -> torch.Tensor:
        """What a reward gives on states of random play."""
        if program == PROGRAM:
            return torch.ones(1)
        known = vars(self.service)["totals"]  # of this task, in every run of this process
        if program not in known:
            states = self.service.states
            made = self.service._program(program, len(next(iter(states.values()))))
            known[program] = made(*[states[name] for name in made.inputs])[0]
        return known[program]

    def _fitness(self, program: str, seed: int, iterations: int) -> float:
        return round(self._total(program).mean().item() + seed % 97 / 1000 + iterations / 100, 6)

    def _train(self, command: Train) -> Iterator[Answer]:
        place, plan, until = Path(command.folder), command.plan, command.until
        place.mkdir(parents=True, exist_ok=True)
        members = list(zip(command.programs, command.seeds, strict=True))
        mine = [_mark(*member) for member in members]
        begun = 0
        for mark, source in zip(mine, command.resume or (), strict=bool(command.resume)):
            saved = json.loads(Path(source.file).read_text())
            begun = saved["number"]
            assert saved["members"][source.member] == mark, "a checkpoint of this reward and seed"
        marks = plan.evaluation.marks(plan.iterations)
        each = plan.worlds * plan.learning.horizon
        final = [self._fitness(*member, plan.iterations) for member in members]
        clocks = {"env": 1.0, "learning": 1.0}
        for number, mark in enumerate(marks, 1):
            if until and mark > until:
                break
            if number <= begun:
                continue
            steps, left = (len(mine) * each * n for n in (mark, marks[-1] - mark))
            yield Progress(progress=TrainingProgress(mark, plan.iterations, steps, left, clocks, [*final]))
            file = place / f"checkpoint-{number}.safetensors"
            file.write_text(json.dumps({"number": number, "members": mine, "weights": "0" * 40_000}))
            points = tuple(_point(mark * each, f * number / len(marks)) for f in final)
            yield Checkpoint(number=number, saved=service._hashed(file), points=points)
        reached = [m for m in marks if not until or m <= until]
        outcomes = tuple(_outcome(f, reached, marks, each, bool(until)) for f in final)
        policies = []
        for i, mark in enumerate(() if until else mine):
            file = place / f"policy-{i}.safetensors"
            file.write_text(mark)
            policies.append(service._hashed(file))
        yield Outcomes(outcomes=outcomes, policies=tuple(policies), clocks=clocks, sizes=None)

    def _probe(self, command: Probe) -> None:
        marks = [int(hashlib.sha256(Path(p.file).read_bytes()).hexdigest()[:4], 16) for p in command.policies]
        robustness = {p.name: [float(mark + i) for mark in marks] for i, p in enumerate(PERTURBATIONS)}
        correlation = None
        if command.human:
            human = self._total(command.human)
            pairs = [torch.stack([human, self._total(p)]) for p in command.programs]
            correlation = [r if (r := torch.corrcoef(pair)[0, 1].item()) == r else None for pair in pairs]
        self.service.send(Probed(robustness=robustness if command.robustness else {}, correlation=correlation))


def _point(steps: int, fitness: float) -> dict[str, Any]:
    blank = {name: {} if "dict" in str(field.annotation) else None for name, field in Point.model_fields.items()}
    return blank | {"steps": steps, "fitness": fitness}


def _mark(program: str, seed: int) -> str:
    return hashlib.sha256(f"{seed} {program}".encode()).hexdigest()


def _outcome(fitness: float, reached: list[int], marks: list[int], each: int, dropped: bool) -> Trained | Dropped:
    """A training whose fitness rises in a straight line."""
    line = [fitness * (i + 1) / len(marks) for i in range(len(reached))]
    flat = [0.01] * len(line)
    curves = Curves(
        steps=[m * each for m in reached],
        fitness=line,
        training_fitness=[*line],
        episode_length=[*flat],
        total=flat,
        components={"r": line},
        least={"r": flat},
        greatest={"r": line},
        kl=flat,
        learning_rate=flat,
        action_std=flat,
    )
    best = line.index(max(line))
    about = {"curves": curves, "best": best, "selection": line[best], "diverged": 0, "steps": reached[-1] * each}
    return Dropped(**about) if dropped else Trained(**about, report=line[best], report_episodes=[line[best]])


def install(monkeypatch: pytest.MonkeyPatch, compiler: SharedCompiler) -> None:
    """Let every run in this process work with fakes."""
    monkeypatch.setattr(context, "Compiler", lambda *_: compiler)
    monkeypatch.setattr(executors, "start_trainer", FakeTrainer)
    monkeypatch.setattr(service, "write_frame", lambda out, message: out.put(json.loads(json.dumps(message))))
    silent = SimpleNamespace(print_exc=lambda: None, extract_tb=traceback.extract_tb)
    monkeypatch.setattr(service, "traceback", silent)  # which goes to a process's own log


def crash_at(monkeypatch: pytest.MonkeyPatch, kind: str, count: int = 1) -> None:
    """End the next run after the `count`-th event of a kind is on the disk."""
    append, left = Run.append, [count]

    def crashing(self: Run, event: Any) -> Any:
        made = append(self, event)
        left[0] -= event.event == kind
        if left[0] == 0:
            monkeypatch.setattr(Run, "append", append)
            raise Crash
        return made

    monkeypatch.setattr(Run, "append", crashing)
