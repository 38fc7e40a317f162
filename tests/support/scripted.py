"""Trainer processes that answer at once, and trainings with them."""

from __future__ import annotations

import queue
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from support.candidates import TASK, trained
from support.halving import standing

from eureka.config.settings import Evaluation, Racing, Settings
from eureka.config.tasks import LoadedTask
from eureka.runs.candidate import Known, Outcome
from eureka.runs.events import TrainingProgress
from eureka.runs.store import Run
from eureka.workers.messages import Described, HashedFile, Outcomes, Progress, encode
from eureka.workers.pool import TrainerPool
from eureka.workers.process import Died
from eureka.workers.recovery import TrainingRequest


def settings_of(task: LoadedTask, **changes: Any) -> Settings:
    preset = task.file.presets["cpu"]
    iterations = 16 * preset.learning.horizon * 8
    sizes = {"preset": "cpu", "worlds": 16, "steps": iterations, "evaluation": Evaluation(checkpoints=8)}
    return Settings.model_validate(preset.model_dump() | sizes | changes)


class Scripted:
    """A trainer process that answers at once; fitness is the program's number, and `program "bad"` kills it."""

    def __init__(self, executor: Many, number: int):
        self.executor = executor
        self.said: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.said.put(encode(Described(description=TASK, fence=executor.fences[number], sizes=None)))

    def send(self, message: dict[str, Any]) -> None:
        if message["kind"] == "Load":
            return
        programs, until = message["programs"], message["until"]
        self.executor.trained.append((tuple(programs), until))
        self.executor.folders.append(message["folder"])
        if self.executor.answers:
            self.said.put(self.executor.answers.pop(0))
            return
        self.executor.before(programs)
        if "bad" in programs or self.executor.bad.get(until) in programs:
            self.said.put({"kind": "death"})
            return
        self.executor.stage_ends.append(tuple(message["stage_ends"]))
        outcomes: list[Outcome] = [
            standing(float(p), float(p)) if until else trained().model_copy(update={"report": float(p)})
            for p in programs
        ]
        clocks, steps, fitness = {"env": 1.0}, len(programs) * 100, [1.0] * len(programs)
        self.said.put(encode(Progress(progress=TrainingProgress(8, 8, steps, 0, clocks, fitness))))
        policies = tuple(HashedFile(file=str(Path(message["folder"]) / "p"), sha256="") for _ in programs)
        self.said.put(encode(Outcomes(outcomes=tuple(outcomes), policies=policies, clocks=clocks, sizes=None)))

    def receive(self, timeout: float | None = None) -> dict[str, Any] | None:
        answer = self.said.get(timeout=10)
        if answer["kind"] == "death":
            raise Died("was killed by signal 9")
        return answer

    def kill(self) -> None:
        self.said.put({"kind": "death"})

    def close(self) -> None:
        self.said = queue.SimpleQueue()


class Many:
    """So many scripted trainers."""

    threads, fenced, one_memory = 1, False, True
    fences: Mapping[int, str] = defaultdict(str)

    def __init__(self, count: int, log: Path):
        self.workers, self._log = count, log
        self.trained: list[tuple[tuple[str, ...], int | None]] = []
        self.opened: list[int] = []
        self.folders: list[str] = []
        self.stage_ends: list[tuple[int, ...]] = []
        self.before: Callable[[list[str]], None] = lambda programs: None
        self.answers: list[dict[str, Any]] = []
        """Frames that answer the first commands in place of a training."""
        self.bad: dict[int | None, str] = {}
        """Programs that kill on the way to a rung, or to the end."""

    def threads_for(self, shares: int) -> int | None:
        return None

    def open(self, number: int) -> Scripted:
        self.opened.append(number)
        return Scripted(self, number)

    def log(self, number: int) -> Path:
        return self._log

    def close(self) -> None:
        self.closed = True


def train(
    pool: TrainerPool,
    run: Run,
    programs: list[str],
    race: Racing | None = None,
    told: Callable[[Any], None] = lambda _: None,
    known: Mapping[int, Known] = MappingProxyType({}),
    key: str = "g",
    trainings: int = 1,
) -> list[Outcome | None]:
    places = [f"candidates/{i}/policy" for i in range(len(programs))]
    seeds = [i * trainings // len(programs) for i in range(len(programs))]
    request = TrainingRequest(key, programs, seeds, "search", places, race, trainings=trainings, known=known)
    return pool.train(run, request, told)


def reports(outcomes: Sequence[Outcome | None]) -> list[float | str]:
    return [getattr(o, "report", None) or getattr(o, "selection", None) or "failed" for o in outcomes]
