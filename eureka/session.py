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
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from eureka import __version__, compare, designers, evolve, prompt
from eureka.candidate import Candidate
from eureka.compare import Comparison
from eureka.config import LoadedTask, Settings
from eureka.designers import Designer
from eureka.display import Display, clock
from eureka.errors import UserError
from eureka.evolve import Workshop
from eureka.rewards.compiler import Compiler
from eureka.store import Run, create, find_run, read_json, task_of
from eureka.trainer import Trainer

LONG = 8 * 3600.0
"""s; a run estimated to take longer asks for --yes."""
_EVALUATION_SHARE = 0.25
"""Evaluation may take at most this share of the training world-steps."""
_ADJECTIVES = ("brave", "calm", "clever", "curious", "eager", "gentle", "keen", "lively", "nimble", "quick", "swift")
_ANIMALS = ("badger", "crane", "falcon", "finch", "fox", "gecko", "heron", "lynx", "marten", "otter", "raven", "wren")


class Interrupted(Exception):
    """Somebody asked the run to stop."""

    def __init__(self, folder: Path | None, signal_number: int):
        super().__init__(signal_number)
        self.folder, self.signal_number = folder, signal_number
        """The run to resume, None if it had not begun; and what asked."""


@dataclass(frozen=True)
class Options:
    """What the command line may override of a preset; None keeps it."""

    preset: str | None = None
    llm: str | None = None
    generations: int | None = None
    samples: int | None = None
    worlds: int | None = None
    steps: int | None = None
    seed: int | None = None
    device: str = "auto"


@dataclass(frozen=True)
class Estimate:
    """What a run will take."""

    training_steps: int
    evaluation_steps: int
    rate: float
    """Training world-steps a second, measured on the spot."""
    prompt_tokens: int

    @property
    def seconds(self) -> float:
        """Until the run ends, if every evaluation episode lasts to the horizon."""
        return (self.training_steps + self.evaluation_steps) / self.rate

    def __str__(self) -> str:
        share = self.evaluation_steps / self.training_steps
        return (
            f"{self.training_steps / 1e6:.3g} M training world-steps at {self.rate / 1000:.3g} k/s, evaluation up to "
            f"{share:.0%} of that on top: about {clock(self.seconds)}"
        )


def resolve(task: LoadedTask, options: Options) -> Settings:
    """The settings of a new run: preset, then the recorded run if one is replayed, then options.

    Raises:
        UserError: an option cannot be had.
    """
    if options.device == "cuda":
        raise UserError("--device cuda needs the MuJoCo Warp backend, which this version does not have; use cpu")
    if options.device not in ("auto", "cpu"):
        raise UserError(f"no device {options.device!r}; there are auto, cpu and cuda")
    name = options.preset or "cpu"
    preset = task.file.presets.get(name)  # type: ignore[call-overload]
    if preset is None:
        raise UserError(f"{task.path} has no preset {name!r}; it has {', '.join(task.file.presets)}")
    llm = options.llm or "search"
    if llm.startswith("replay:"):
        recorded = read_json(find_run(llm.removeprefix("replay:")) / "run.json")["settings"]
        base = recorded | (preset.model_dump() | {"preset": name} if options.preset else {})
        llm = f"replay:{find_run(llm.removeprefix('replay:'))}"
    else:
        base = preset.model_dump() | {"preset": name}
    overrides = {
        "generations": options.generations,
        "samples": options.samples,
        "worlds": options.worlds,
        "steps": options.steps,
        "seed": options.seed,
    }
    given = {k: v for k, v in overrides.items() if v is not None}
    for option, value in given.items():
        if value < (0 if option == "seed" else 1):
            raise UserError(f"--{'envs' if option == 'worlds' else option} must be at least 1, not {value}")
    return Settings.model_validate(base | given | {"llm": llm, "device": "cpu"})


def fitted(settings: Settings, horizon: int) -> Settings:
    """The settings with evaluation cut down to its share of the training steps."""
    budget = _EVALUATION_SHARE * settings.steps
    return settings.model_copy(update={"evaluation": settings.evaluation.within(budget, horizon)})


def estimate(settings: Settings, horizon: int, rate: float, messages: prompt.Messages) -> Estimate:
    """What a run with these settings will take."""
    trainings = settings.generations * settings.samples + 3 * settings.final_seeds
    steps = settings.iterations * settings.worlds * settings.learning.horizon
    evaluation = settings.evaluation.steps(horizon)
    tokens = prompt.estimated_tokens(messages)
    return Estimate(trainings * steps, trainings * evaluation, rate, tokens)


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
    run = create(folder, task, settings, versions())
    begun = False
    try:
        with _workshop(run, task, designer, sandbox, display) as shop:
            settings = fitted(settings, shop.trainer.description.horizon)
            run.settings = settings
            _announce(shop, settings)
            rate = shop.trainer.measure(settings.samples, settings)
            first = prompt.first(shop.trainer.description)
            forecast = estimate(settings, shop.trainer.description.horizon, rate, first)
            display.line(f"estimate: {forecast}")
            if forecast.seconds > LONG and not yes:
                raise UserError(
                    f"the run would take about {clock(forecast.seconds)}; to start it all the same, add --yes"
                )
            _record_start(shop)
            begun = True
            return folder, _finish(shop, task)
    except Interrupted as stop:
        raise Interrupted(folder if begun else None, stop.signal_number) from None
    finally:
        run.close()
        if not begun:  # nothing happened yet that is worth keeping
            _discard(folder, entirely=fresh)


def resume(folder: Path, sandbox: str, display: Display) -> tuple[Path, Comparison]:
    """Go on with an interrupted run, or show the result of a finished one.

    Raises:
        UserError: there is no such run, or its task was changed since.
        Interrupted: it was stopped again.
    """
    task = task_of(folder)
    run = Run(folder)
    try:
        started = run.find("started")
        if started is not None:
            evaluation = {"evaluation": started["evaluation"]}
            run.settings = Settings.model_validate(run.settings.model_dump() | evaluation)
        finished = run.find("finished")
        if finished is not None:
            return folder, Comparison.model_validate(finished["comparison"])
        designer = designers.make(run.settings.llm, run.settings.seed)
        with _workshop(run, task, designer, sandbox, display) as shop:
            if started is None:
                run.settings = fitted(run.settings, shop.trainer.description.horizon)
                _record_start(shop)
            _announce(shop, run.settings)
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
    """Both helper processes, ended whatever happens; Ctrl-C and a polite kill become `Interrupted`."""
    logs, keep = run.folder / "logs", [run.workers_lock]
    with _interruptible(run.folder):
        compiler = Compiler(sandbox, logs / "compiler.log", keep)
        try:
            trainer = Trainer(task, logs / "trainer.log", keep)
            try:
                yield Workshop(run, designer, compiler, trainer, display)
            finally:
                trainer.close()
        finally:
            compiler.close()


@contextmanager
def _interruptible(folder: Path) -> Iterator[None]:
    def stop(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise Interrupted(folder, number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {n: signal.signal(n, stop) for n in numbers}
    try:
        yield
    finally:
        for n, handler in before.items():
            signal.signal(n, handler)


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


def _announce(shop: Workshop, settings: Settings) -> None:
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


def _discard(folder: Path, entirely: bool) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink()
    if entirely:
        folder.rmdir()


def command(folder: Path) -> str:
    """The command that goes on with a run, as one would type it here."""
    shown = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    return f"{Path(sys.argv[0]).name} resume {shown}"
