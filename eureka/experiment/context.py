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
from eureka.designers.budget import Ledger
from eureka.rewards.compiler import Compiler
from eureka.runs.events import Display, _teller
from eureka.runs.store import Run
from eureka.workers.isolation import Confinement
from eureka.workers.placement import executor
from eureka.workers.pool import Crew


@dataclass(frozen=True)
class Workshop:
    """What a run works with."""

    run: Run
    designer: Designer
    compiler: Compiler
    trainer: Crew
    display: Display
    ledger: Ledger
    confinement: Confinement


@contextmanager
def _workshop(
    run: Run, task: LoadedTask, designer: Designer, ledger: Ledger, confinement: Confinement, display: Display
) -> Iterator[Workshop]:
    """Both helper processes of a run, ended whatever happens."""
    logs, keep = run.folder / "logs", [run.workers_lock]
    compiler = Compiler(confinement, logs / "compiler.log", keep)
    try:
        scratch = run.folder / "scratch"
        crew = Crew(executor(run.settings, task, logs, scratch, confinement, keep, _teller(display)), scratch)
        try:
            yield Workshop(run, designer, compiler, crew, display, ledger, confinement)
        finally:
            crew.close()
    finally:
        compiler.close()


@contextmanager
def tools(task: LoadedTask, confinement: Confinement, settings: Settings) -> Iterator[tuple[Compiler, Crew]]:
    """Both helper processes without a run, for looking at a task or a reward."""
    folder = Path(tempfile.mkdtemp(prefix="eureka-"))
    try:
        compiler = Compiler(confinement, folder / "compiler.log")
        try:
            scratch = folder / "scratch"
            crew = Crew(executor(settings, task, folder, scratch, confinement, (), lambda _: None), scratch)
            try:
                yield compiler, crew
            finally:
                crew.close()
        finally:
            compiler.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
