"""Whole runs: begun, gone on with after an interruption, ended with a table and a result."""

from __future__ import annotations

import json
import platform
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from eureka import __version__, compare, designers, evolve, prompt
from eureka.candidate import Candidate
from eureka.compare import Comparison
from eureka.config import Evaluation, LoadedTask, Settings
from eureka.designers import Designer
from eureka.display import Display, clock
from eureka.errors import UserError
from eureka.evolve import Workshop
from eureka.planning import LONG, Estimate, estimate, fitted
from eureka.rewards.compiler import Compiler
from eureka.store import Run, create, discard, task_of
from eureka.trainer import Trainer

_ADJECTIVES = ("brave", "calm", "clever", "curious", "eager", "gentle", "keen", "lively", "nimble", "quick", "swift")
_ANIMALS = ("badger", "crane", "falcon", "finch", "fox", "gecko", "heron", "lynx", "marten", "otter", "raven", "wren")


_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What ends a run politely: Ctrl-C, a batch system, a closed terminal."""


class Interrupted(Exception):
    """Somebody asked the run to stop."""

    def __init__(self, folder: Path | None, signal_number: int):
        super().__init__(signal_number)
        self.folder, self.signal_number = folder, signal_number
        """The run to resume, None if it had not begun; and what asked."""


def start(
    task: LoadedTask, settings: Settings, sandbox: str, out: Path | None, display: Display, yes: bool
) -> tuple[Path, Comparison]:
    """Begin a run and see it through.

    Raises:
        Interrupted: it was stopped, and can be resumed.
        EurekaError: it cannot go on.
    """
    designer = designers.make(settings.llm, settings.seed)
    folder = (out or _new_folder(task.file.name)).absolute()
    fresh = not folder.exists()
    begun = False
    with _interruptible() as stop:
        run = create(folder, task, settings, versions())
        try:
            with _workshop(run, task, designer, sandbox, display) as shop:
                run.settings = fitted(settings, shop.trainer.description.horizon)
                _announce(shop)
                forecast = _forecast(shop)
                display.line(f"estimate: {forecast}")
                if forecast.seconds > LONG and not yes:
                    raise UserError(
                        f"the run would take about {clock(forecast.seconds)}; to start it all the same, add --yes"
                    )
                _record_start(shop)
                begun, stop.folder = True, folder
                return folder, _finish(shop, task)
        finally:
            run.close()
            if not begun:  # nothing happened yet that is worth keeping
                discard(folder, fresh)


def resume(folder: Path, sandbox: str, display: Display) -> tuple[Path, Comparison]:
    """Go on with an interrupted run, or show the result of a finished one.

    Raises:
        UserError: there is no such run, or its task was changed since.
        Interrupted: it was stopped again.
    """
    task = task_of(folder)
    with _interruptible() as stop:
        stop.folder = folder
        run = Run(folder)
        try:
            finished = run.find("finished")
            if finished is not None:
                return folder, Comparison.model_validate(finished["comparison"])
            designer = designers.make(run.settings.llm, run.settings.seed)
            with _workshop(run, task, designer, sandbox, display) as shop:
                started = run.find("started")
                if started is None:
                    run.settings = fitted(run.settings, shop.trainer.description.horizon)
                    _record_start(shop)
                else:
                    evaluation = Evaluation.model_validate(started["evaluation"])
                    run.settings = run.settings.model_copy(update={"evaluation": evaluation})
                _announce(shop)
                return folder, _finish(shop, task)
        finally:
            run.close()


def _record_start(shop: Workshop) -> None:
    evaluation = shop.run.settings.evaluation.model_dump()
    shop.run.append("started", evaluation=evaluation, sandbox=shop.compiler.sandbox.model_dump())


def _finish(shop: Workshop, task: LoadedTask) -> Comparison:
    """Everything that is left of a run."""
    winner = evolve.evolve(shop)
    comparison = compare.compare(shop, task, winner)
    shop.run.write("result.json", json.dumps(result(shop.run, winner, comparison), indent=2) + "\n")
    shop.run.append("finished", winner=winner.name, comparison=comparison.model_dump(mode="json"))
    return comparison


def result(run: Run, winner: Candidate, comparison: Comparison) -> dict[str, Any]:
    """What a run found: a function of the recorded replies and verdicts, the task, the settings and the seed."""
    candidates = [
        json.loads((run.folder / "candidates" / name / "record.json").read_text(encoding="utf-8"))
        for name in sorted(p.name for p in (run.folder / "candidates").iterdir())
    ]
    settings = run.settings.model_dump(mode="json", exclude={"llm", "device"})
    return {
        "task": run.task_name,
        "settings": settings,
        "winner": winner.name,
        "candidates": candidates,
        "comparison": comparison.model_dump(mode="json"),
    }


@contextmanager
def _workshop(run: Run, task: LoadedTask, designer: Designer, sandbox: str, display: Display) -> Iterator[Workshop]:
    """Both helper processes of a run, ended whatever happens."""
    logs, keep = run.folder / "logs", [run.workers_lock]
    compiler = Compiler(sandbox, logs / "compiler.log", keep)
    try:
        trainer = Trainer(task, logs / "trainer.log", keep)
        try:
            yield Workshop(run, designer, compiler, trainer, display)
        finally:
            trainer.close()
    finally:
        compiler.close()


class _Stop:
    """Turns the first signal into an `Interrupted`; further ones find us busy with ending."""

    folder: Path | None = None
    """The run to resume afterwards, once there is one."""

    def __call__(self, number: int, _: object) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(self.folder, number)


@contextmanager
def _interruptible() -> Iterator[_Stop]:
    stop = _Stop()
    # What was ignored stays ignored: nohup and the shell's & mean it.
    heard = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heard}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def tools(task: LoadedTask, sandbox: str) -> Iterator[tuple[Compiler, Trainer]]:
    """Both helper processes without a run, for looking at a task or a reward."""
    folder = Path(tempfile.mkdtemp(prefix="eureka-"))
    try:
        compiler = Compiler(sandbox, folder / "compiler.log")
        try:
            trainer = Trainer(task, folder / "trainer.log")
            try:
                yield compiler, trainer
            finally:
                trainer.close()
        finally:
            compiler.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _forecast(shop: Workshop) -> Estimate:
    settings, description = shop.run.settings, shop.trainer.description
    rate = shop.trainer.measure(settings.samples, settings)
    return estimate(settings, description.horizon, rate, prompt.first(description))


def _announce(shop: Workshop) -> None:
    settings = shop.run.settings
    if settings.llm == "search":
        shop.display.line(
            "no language model in use: rewards come from the built-in search designer (see docs/designers.md)"
        )
    else:
        shop.display.line(f"designer: {shop.designer.name}")
    where = shop.run.folder
    if where.is_relative_to(Path.cwd()):
        where = where.relative_to(Path.cwd())
    threads = shop.trainer.threads
    shop.display.line(f"sandbox {shop.compiler.sandbox}   device {settings.device} x{threads}   run {where}")


def versions() -> dict[str, str]:
    """What the numbers of a run depend on besides its settings."""
    names = ("torch", "mujoco", "numpy")
    return {"eureka": __version__, "python": platform.python_version()} | {n: version(n) for n in names}


def _new_folder(task: str) -> Path:
    chance = random.SystemRandom()
    stamp = time.strftime("%Y-%m-%d-%H%M")
    return Path("runs") / task / f"{stamp}-{chance.choice(_ADJECTIVES)}-{chance.choice(_ANIMALS)}"


def command(folder: Path) -> str:
    """The command that goes on with a run, as one would type it here."""
    shown = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    return f"{Path(sys.argv[0]).name} resume {shown}"
