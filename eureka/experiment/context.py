"""What a run works with: journal, designer, compiler, trainer pool, display and budget."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from eureka.config.settings import Settings
from eureka.config.tasks import LoadedTask
from eureka.designers.base import Designer
from eureka.designers.budget import Budget
from eureka.designers.function import Chat
from eureka.experiment.strategies import Strategy
from eureka.rewards.compiler import Compiler
from eureka.runs import layout
from eureka.runs.events import Display, Notice, notifier
from eureka.runs.store import Run
from eureka.workers.isolation import IsolationPolicy
from eureka.workers.placement import make_executor
from eureka.workers.pool import TrainerPool


@dataclass(frozen=True)
class Given:
    """What a caller brings that is no setting of the run."""

    designer: Designer | Chat | None = None  # for the designer `python:NAME`
    strategy: Strategy | None = None  # for the strategy `python`
    ask_words: bool = False  # Whether the run waits for remarks after each generation


NOTHING = Given()


@dataclass(frozen=True)
class RunContext:
    """What a run works with."""

    run: Run
    designer: Designer
    compiler: Compiler
    trainer: TrainerPool
    display: Display
    budget: Budget
    isolation: IsolationPolicy
    given: Given = NOTHING


@contextmanager
def open_context(
    run: Run,
    task: LoadedTask,
    designer: Designer,
    budget: Budget,
    isolation: IsolationPolicy,
    display: Display,
    given: Given = NOTHING,
) -> Iterator[RunContext]:
    """Both helper processes of a run, ended whatever happens."""
    if task.original:
        display(Notice(f"{task.original} is missing; the run's copy is used: {task.path}"))
    logs, keep = run.folder / layout.LOGS, [run.workers_lock]
    compiler = Compiler(isolation, logs / "compiler.log", keep)
    try:
        scratch = run.folder / layout.SCRATCH
        pool = TrainerPool(
            make_executor(run.settings, task, logs, scratch, isolation, keep, notifier(display)),
            scratch,
            run.settings.curriculum,
        )
        try:
            yield RunContext(run, designer, compiler, pool, display, budget, isolation, given)
        finally:
            pool.close()
    finally:
        compiler.close()


@contextmanager
def tools(task: LoadedTask, isolation: IsolationPolicy, settings: Settings) -> Iterator[tuple[Compiler, TrainerPool]]:
    """Both helper processes without a run, for looking at a task or a reward."""
    folder = Path(tempfile.mkdtemp(prefix="eureka-"))
    try:
        compiler = Compiler(isolation, folder / "compiler.log")
        try:
            scratch = folder / layout.SCRATCH
            executor = make_executor(settings, task, folder, scratch, isolation, (), lambda _: None)
            pool = TrainerPool(executor, scratch, settings.curriculum)
            try:
                yield compiler, pool
            finally:
                pool.close()
        finally:
            compiler.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
