"""Whole runs: begun, gone on with after an interruption, ended with a table and a result."""

from __future__ import annotations

import json
import platform
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from eureka import __version__
from eureka.config.settings import Evaluation, Settings
from eureka.config.tasks import LoadedTask
from eureka.designers import prompts, registry
from eureka.designers.base import Surroundings
from eureka.designers.budget import Ledger
from eureka.designers.replay import Replay
from eureka.errors import BudgetSpent, EurekaError, ModelFault, ModelRefused, UserError
from eureka.experiment import arms, compare, search
from eureka.experiment.arms import Wanted
from eureka.experiment.context import Workshop, _workshop
from eureka.experiment.estimate import LONG, Estimate, estimate, fitted
from eureka.experiment.options import Changes, changed, here, moved
from eureka.runs import replies
from eureka.runs.candidate import Candidate
from eureka.runs.events import Display, Finished, Opened, Said, _teller, one_at_a_time
from eureka.runs.results import Comparison, Entrant
from eureka.runs.store import Event, Run, create, discard, foreign, read_events, read_json, task_of
from eureka.system import files
from eureka.system.signals import Interrupted, interruptible
from eureka.text import clock
from eureka.workers import halving
from eureka.workers.isolation import Confinement

_ADJECTIVES = ("brave", "calm", "clever", "curious", "eager", "gentle", "keen", "lively", "nimble", "quick", "swift")
_ANIMALS = ("badger", "crane", "falcon", "finch", "fox", "gecko", "heron", "lynx", "marten", "otter", "raven", "wren")


_ASKS = "best-of-n"
"""The control search that may ask a language model."""
_PASSING = (ModelFault, ModelRefused, BudgetSpent)
"""Errors after which a run is gone on with, once their cause is gone."""


def start(
    task: LoadedTask, settings: Settings, confinement: Confinement, out: Path | None, display: Display, yes: bool
) -> Path:
    """Begin a run and see it through; its folder.

    Raises:
        Interrupted: it was stopped, and can be resumed.
        EurekaError: it cannot go on.
    """
    extent = ((settings,), (1 + len(task.baselines)) * settings.final_seeds)
    return _begin(task, settings, confinement, out, display, yes, extent, _announce)


def retrain(
    task: LoadedTask,
    settings: Settings,
    entrants: Sequence[Entrant],
    wanted: Wanted,
    confinement: Confinement,
    out: Path | None,
    display: Display,
    yes: bool,
) -> Path:
    """Train rewards on `settings.final_seeds` seeds and compare them, in a run folder of its own.

    Args:
        task: the task.
        settings: sizes; those of the control searches too.
        entrants: the arms.
        wanted: control searches to run first, and what to look at besides.
        confinement, out, display, yes: as for `start`.

    Raises:
        Interrupted: it was stopped, and can be resumed.
        EurekaError: it cannot go on.
    """
    arms.require(task, entrants, wanted)
    searches = [arms.control(name, settings, wanted) for name in wanted.controls]

    def opening(shop: Workshop) -> None:
        compare.check(shop, entrants)
        _place(shop)

    rewards = sum(len(e.rewards) for e in entrants) + len(searches)
    extent = (searches, rewards * settings.final_seeds)
    asked = {"arms": [e.model_dump() for e in entrants], **wanted.model_dump()}
    return _begin(task, settings, confinement, out, display, yes, extent, opening, asked)


def _begin(
    task: LoadedTask,
    settings: Settings,
    confinement: Confinement,
    out: Path | None,
    display: Display,
    yes: bool,
    extent: tuple[Sequence[Settings], int],
    opening: Callable[[Workshop], None],
    asked: Mapping[str, Any] | None = None,
) -> Path:
    folder, display = (out or _new_folder(task.file.name)).absolute(), one_at_a_time(display)
    ledger = Ledger(settings.asking)
    designer = registry.make(Surroundings(settings, ledger, folder, (), _teller(display)))
    fresh = not folder.exists()
    begun = False
    with interruptible() as stop:
        run = create(folder, task, settings, versions(), asked)
        try:
            with _workshop(run, task, designer, ledger, confinement, display) as shop:
                run.settings = fitted(settings, shop.trainer.description.horizon)
                opening(shop)
                forecast = _forecast(shop, *extent)
                display(Said(f"estimate: {forecast}"))
                if forecast.seconds > LONG and not yes:
                    raise UserError(
                        f"the run would take about {clock(forecast.seconds)}; to start it all the same, add --yes"
                    )
                _record_start(shop)
                begun, stop.folder = True, folder
                _finish(shop, task)
                return folder
        except EurekaError as error:
            # A first question that was refused (no such model, a wrong key) leaves nothing worth going on with.
            answered = any(event["generation"] for event in run.all("answer"))
            searched = any((folder / "controls").glob("*/run.json"))
            begun = begun and (answered or searched or run.find("trained") is not None)
            error.resume = folder if begun and isinstance(error, _PASSING) else None
            raise
        finally:
            run.close()
            if not begun:  # nothing happened yet that is worth keeping
                discard(folder, fresh)


def resume(folder: Path, changes: Changes, confinement: Confinement, display: Display) -> Path:
    """Go on with an interrupted run, or show the result of a finished one.

    Raises:
        UserError: there is no such run, or its task was changed since.
        Interrupted: it was stopped again.
    """
    folder, display = folder.absolute(), one_at_a_time(display)
    events, _ = read_events(folder)
    with foreign(folder):
        finished = next((event for event in events if event["event"] == "finished"), None)
        comparison = Comparison.model_validate(finished["comparison"]) if finished else None
        record = None if finished else Settings.model_validate(read_json(folder / "run.json")["settings"])
        replies.replies_of(events)
        changing = _changing(folder, events, record) if record else None
    if comparison is not None:
        display(Finished(folder, comparison))
        return folder
    assert changing is not None
    moved(changed(changing, changes), changes)  # a mistake is told before anything is begun
    task = task_of(folder)
    with interruptible() as stop:
        stop.folder = folder
        run = Run(folder)
        try:
            run.settings = moved(changed(run.settings, Changes() if run.find("arms") else changes), changes)
            ledger = Ledger(run.settings.asking, run.events)
            around = Surroundings(run.settings, ledger, folder, run.events, _teller(display))
            with foreign(folder):
                designer = registry.make(around)
            with _workshop(run, task, designer, ledger, confinement, display) as shop:
                started = run.find("started")
                if started is None:
                    run.settings = fitted(run.settings, shop.trainer.description.horizon)
                    _record_start(shop)
                else:
                    evaluation = Evaluation.model_validate(started["evaluation"])
                    run.settings = run.settings.model_copy(update={"evaluation": evaluation})
                (_place if run.find("arms") else _announce)(shop)
                _finish(shop, task, changes)
                return folder
        except _PASSING as error:
            error.resume = folder
            raise
        finally:
            run.close()


def _changing(folder: Path, events: Sequence[Event], own: Settings) -> Settings:
    """The settings that changes on resuming are for: a run's own, or those of the control that is yet to be asked."""
    asked = next((event for event in events if event["event"] == "arms"), None)
    control = folder / "controls" / _ASKS
    if asked is None or _ASKS not in asked["controls"] or _is_finished(control):
        return own
    if (control / "run.json").is_file():
        return Settings.model_validate(read_json(control / "run.json")["settings"])
    return arms.control(_ASKS, own, _wanted(asked))


def _wanted(asked: Event) -> Wanted:
    return Wanted.model_validate({name: asked[name] for name in Wanted.model_fields})


def _is_finished(folder: Path) -> bool:
    return any(event["event"] == "finished" for event in read_events(folder)[0])


def _record_start(shop: Workshop) -> None:
    evaluation = shop.run.settings.evaluation.model_dump()
    sandbox = shop.compiler.sandbox.model_dump()
    shop.run.append(
        "started",
        evaluation=evaluation,
        sandbox=sandbox,
        fence=shop.trainer.first.fence,
        sizes=shop.trainer.first.sizes,
    )


def _finish(shop: Workshop, task: LoadedTask, changes: Changes | None = None) -> None:
    """Everything that is left of a run; `changes` are None where it only begins."""
    shop.display(Opened(shop.run.folder))
    asked = shop.run.find("arms")
    if asked is not None:
        wanted = _wanted(asked)
        entrants = [Entrant.model_validate(arm) for arm in asked["arms"]]
        # Whoever begins a comparison agrees to the designer that it names; to go on with it takes more.
        changes = changes or Changes(llm=wanted.llm)
        entrants += [_control(shop, task, n, wanted, changes if n == _ASKS else Changes()) for n in wanted.controls]
        comparison = compare.retrain(shop, entrants, wanted)
        found = {"task": shop.run.task_name, "settings": _deciding(shop.run.settings)}
        found["comparison"] = comparison.model_dump(mode="json")
        shop.run.write("result.json", json.dumps(found, indent=2) + "\n")
        shop.run.append("finished", winner=None, comparison=found["comparison"])
        shop.display(Finished(shop.run.folder, comparison))
        return
    start = shop.run.settings.start
    if start is not None and not any(shop.run.all("answer", generation=0)):
        recorded = shop.designer.given() if isinstance(shop.designer, Replay) else None
        search.given_start(shop, recorded or search.as_reply(_start_source(task, start)))
    winner = search.evolve(shop)
    comparison = compare.of_run(shop, task, winner)
    shop.run.write("result.json", json.dumps(result(shop.run, winner, comparison), indent=2) + "\n")
    shop.run.append("finished", winner=winner.name, comparison=comparison.model_dump(mode="json"))
    shop.display(Finished(shop.run.folder, comparison))


def _start_source(task: LoadedTask, start: str) -> str:
    return files.read_source(task.rewards["human"] if start == "human" else Path(start))


def _control(shop: Workshop, task: LoadedTask, name: str, wanted: Wanted, changes: Changes) -> Entrant:
    """The winner of a control search, which is an ordinary run inside the folder; searched for, or gone on with."""
    folder, run = shop.run.folder / "controls" / name, shop.run
    changes = here(run.settings, changes)
    shop.display(Said(f"control search {name}: {folder}"))
    try:
        if not (folder / "run.json").is_file():
            settings = changed(arms.control(name, run.settings, wanted), changes)
            start(task, settings, shop.confinement, folder, shop.display, yes=True)
        elif not _is_finished(folder):
            resume(folder, changes, shop.confinement, shop.display)
    except Interrupted as stopped:
        raise Interrupted(run.folder, stopped.signal_number) from None
    except EurekaError as error:
        error.resume = run.folder if error.resume else None
        raise
    return Entrant(name=name, rewards=(arms.winner_of(folder),), searches=1)


def _deciding(settings: Settings) -> dict[str, Any]:
    """The settings that a result is a function of."""
    return settings.model_dump(mode="json", exclude={"llm", "device", "devices", "workers", "executor", "asking"})


def result(run: Run, winner: Candidate, comparison: Comparison) -> dict[str, Any]:
    """What a run found: a function of the recorded replies and verdicts, the task, the settings and the seed."""
    candidates = [
        json.loads((run.folder / "candidates" / name / "record.json").read_text(encoding="utf-8"))
        for name in sorted(p.name for p in (run.folder / "candidates").iterdir())
    ]
    return {
        "task": run.task_name,
        "settings": _deciding(run.settings),
        "winner": winner.name,
        "candidates": candidates,
        "comparison": comparison.model_dump(mode="json"),
    }


def _forecast(shop: Workshop, searches: Sequence[Settings], retrained: int) -> Estimate:
    settings, description = shop.run.settings, shop.trainer.description
    rate = shop.trainer.measure(settings.samples, settings)
    return estimate(settings, description.horizon, rate, prompts.first(description), searches, retrained)


def _announce(shop: Workshop) -> None:
    settings = shop.run.settings
    if settings.llm == "search":
        said = "no language model in use: rewards come from the built-in search designer (see docs/designers.md)"
        shop.display(Said(said))
    else:
        shop.display(Said(f"designer: {shop.designer.name}"))
    for assumption in shop.trainer.description.assumptions:
        shop.display(Said(assumption))
    if settings.racing and not halving.rungs(settings.racing, settings.evaluation.marks(settings.iterations)):
        said = "nobody is raced: so short a training is judged at its end alone; give more --steps"
        shop.display(Said(said))
    _place(shop)


def _place(shop: Workshop) -> None:
    """Say where and on what the run works."""
    where = shop.run.folder
    if where.is_relative_to(Path.cwd()):
        where = where.relative_to(Path.cwd())
    sandbox, fence = shop.compiler.sandbox, shop.trainer.first.fence
    shop.display(Said(f"sandbox {sandbox}   trainer fenced: {fence}" if fence else f"sandbox {sandbox}   trainer open"))
    shop.display(Said(f"{shop.trainer.executor}   run {where}"))


def versions() -> dict[str, str]:
    """What the numbers of a run depend on besides its settings."""
    names = ("torch", "mujoco", "numpy", "gymnasium")
    return {"eureka": __version__, "python": platform.python_version()} | {n: version(n) for n in names}


def _new_folder(task: str) -> Path:
    chance = random.SystemRandom()
    stamp = time.strftime("%Y-%m-%d-%H%M")
    return Path("runs") / task / f"{stamp}-{chance.choice(_ADJECTIVES)}-{chance.choice(_ANIMALS)}"


def command(folder: Path) -> str:
    """The command that goes on with a run, as one would type it here."""
    shown = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    return f"{Path(sys.argv[0]).name} resume {shown}"
