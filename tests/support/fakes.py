"""What a run works with, without its processes: one compiler for all tests, and trainers that do not train.

A fake trainer answers as `eureka.trainer.service` does, with the same description, the same check of programs and the
same playback; only its trainings are made up. The fitness of a training is the mean of its reward over states of
random play, so it depends on the program and the seed alone, as a real one does.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import hashlib
import json
import queue
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from eureka.config.settings import Evaluation
from eureka.config.tasks import PROGRAM, load_task
from eureka.experiment import context
from eureka.physics.backend import Backend
from eureka.rewards.compiler import Compiler, Fields
from eureka.runs.candidate import Curves, Dropped, Failed, Trained
from eureka.runs.store import Run
from eureka.trainer import service
from eureka.trainer.robustness import PERTURBATIONS
from eureka.workers import executors
from eureka.workers.isolation import IsolationPolicy
from eureka.workers.process import Died

RATE = 1e5
"""World-steps a second that a fake trainer says it does."""


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
    return service.Service(load_task(str(task)), Backend("cpu", 1), -1)


class FakeTrainer:
    """A trainer process in this process."""

    def __init__(self, task: Path, device: str, threads: int, fenced: bool, *rest: Any):
        self.said: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.running: Iterator[dict[str, Any]] = iter(())
        self.log: Path = rest[2]
        with self._reported(str(task)) as loaded:
            known = loaded.shipped or not task.suffix
            made = _service(task) if known else service.Service(loaded, Backend("cpu", 1), -1)
            self.service = copy.copy(made)
            self.service.out = self.said  # type: ignore[assignment]
            described = self.service.description.model_dump(mode="json")
            fence = "seccomp" if fenced else ""
            self.service.send("described", description=described, fence=fence, sizes=None)

    @contextlib.contextmanager
    def _reported(self, task: str):
        loaded = load_task(task)
        with (
            open(self.log, "a") as log,
            contextlib.redirect_stderr(log),
            contextlib.suppress(SystemExit),
            service._reported(loaded, self.said),  # type: ignore[arg-type]
        ):
            yield loaded

    def send(self, message: dict[str, Any]) -> None:
        if message["command"] == "train":
            self.running = self._train(**message)
            return
        with self._reported(str(self.service.loaded.path)):
            match message["command"]:
                case "measure":
                    steps = 1000 * message["members"]
                    self.service.send("measured", seconds=steps / RATE, steps=steps, bytes=2, free=400)
                case "probe":
                    self._probe(message)
                case _:
                    self.service.answer(message)

    def receive(self, timeout: float | None = None) -> dict[str, Any] | None:
        if self.said.empty():
            for frame in self.running:
                return json.loads(json.dumps(frame))
            raise Died("exited with code 1")
        return self.said.get()

    def kill(self) -> None:
        self.running = iter(())

    close = kill

    def _total(self, program: str) -> torch.Tensor:
        """What a reward gives on states of random play."""
        if program == PROGRAM:
            return torch.ones(1)
        states = self.service.states
        made = self.service._program(program, len(next(iter(states.values()))))
        return made(*[states[name] for name in made.inputs])[0]

    def fitness(self, program: str, seed: int) -> float:
        return round(self._total(program).mean().item() + seed % 97 / 1000, 6)

    def _train(
        self,
        programs: list[str],
        seeds: list[int],
        plan: dict[str, Any],
        folder: str,
        resume: Any,
        until: Any,
        **_: Any,
    ) -> Iterator[dict[str, Any]]:
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        mine = [_mark(p, s) for p, s in zip(programs, seeds, strict=True)]
        begun = 0
        for mark, source in zip(mine, resume or (), strict=bool(resume)):
            saved = json.loads(Path(source["file"]).read_text())
            begun = saved["number"]
            assert saved["members"][source["member"]] == mark, "a checkpoint of this reward and seed"
        marks = Evaluation(**plan["evaluation"]).marks(plan["iterations"])
        each = plan["worlds"] * plan["learning"]["horizon"]
        final = [self.fitness(p, s) for p, s in zip(programs, seeds, strict=True)]
        clocks = {"env": 1.0, "learning": 1.0}
        for number, mark in enumerate(marks, 1):
            if until and mark > until:
                break
            if number <= begun:
                continue
            steps, left = (len(mine) * each * n for n in (mark, marks[-1] - mark))
            about = {"iteration": mark, "iterations": plan["iterations"], "steps": steps, "steps_left": left}
            yield {"kind": "progress", **about, "clocks": clocks, "fitness": final}
            file = place / f"checkpoint-{number}.safetensors"
            file.write_text(json.dumps({"number": number, "members": mine}))
            points = [{"steps": mark * each, "fitness": f * number / len(marks)} for f in final]
            sha256 = service._sha256(file)
            yield {"kind": "checkpoint", "number": number, "file": str(file), "sha256": sha256, "points": points}
        reached = [m for m in marks if not until or m <= until]
        outcomes = [_outcome(f, reached, marks, each, bool(until)).model_dump() for f in final]
        policies = []
        for i, mark in enumerate(() if until else mine):
            file = place / f"policy-{i}.safetensors"
            file.write_text(mark)
            policies.append({"file": str(file), "sha256": service._sha256(file)})
        yield {"kind": "outcomes", "outcomes": outcomes, "policies": policies, "clocks": clocks, "sizes": None}

    def _probe(self, message: dict[str, Any]) -> None:
        marks = [int(hashlib.sha256(Path(p).read_bytes()).hexdigest()[:4], 16) for p in message["policies"]]
        robustness = {p.name: [mark + i for mark in marks] for i, p in enumerate(PERTURBATIONS)}
        correlation = None
        if message["human"]:
            human = self._total(message["human"])
            pairs = [torch.stack([human, self._total(p)]) for p in message["programs"]]
            correlation = [r if (r := torch.corrcoef(pair)[0, 1].item()) == r else None for pair in pairs]
        robust = robustness if message["robustness"] else {}
        self.service.send("probed", robustness=robust, correlation=correlation)


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
    monkeypatch.setattr(executors, "started", FakeTrainer)
    monkeypatch.setattr(service, "write_frame", lambda out, message: out.put(json.loads(json.dumps(message))))


def crash_at(monkeypatch: pytest.MonkeyPatch, kind: str, count: int = 1) -> None:
    """End the next run after the `count`-th event of a kind is on the disk."""
    append, left = Run.append, [count]

    def crashing(self: Run, event: Any, *rest: Any, **content: Any) -> Any:
        made = append(self, event, *rest, **content)
        left[0] -= event == kind
        if left[0] == 0:
            monkeypatch.setattr(Run, "append", append)
            raise Crash
        return made

    monkeypatch.setattr(Run, "append", crashing)
