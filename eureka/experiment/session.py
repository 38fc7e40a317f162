"""Whole runs: begun, gone on with after an interruption, ended with a table and a result."""

from __future__ import annotations

import json
import platform
import random
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from eureka import __version__
from eureka.config.options import Changes, ModelOptions
from eureka.config.settings import Evaluation, Settings
from eureka.config.tasks import LoadedTask
from eureka.designers import prompts, registry
from eureka.designers.base import DesignerContext
from eureka.designers.budget import Budget
from eureka.designers.replay import ReplayDesigner
from eureka.errors import BudgetSpent, EurekaError, ModelFault, ModelRefused, UserError
from eureka.experiment import arms, compare, search
from eureka.experiment.arms import CompareOptions
from eureka.experiment.context import RunContext, open_context
from eureka.experiment.estimate import LONG, Estimate, estimate, fit_evaluation
from eureka.experiment.options import apply_changes, apply_placement, local_changes
from eureka.runs import replies
from eureka.runs.candidate import Candidate
from eureka.runs.events import Display, Finished, Notice, Opened, notifier, one_at_a_time
from eureka.runs.results import ArmSpec, Comparison
from eureka.runs.store import Event, Run, create, discard, read_events, read_json, task_of, untrusted_run
from eureka.system import files
from eureka.system.signals import Interrupted, interruptible
from eureka.text import clock
from eureka.workers import halving
from eureka.workers.isolation import IsolationPolicy

_ADJECTIVES = ("brave", "calm", "clever", "curious", "eager", "gentle", "keen", "lively", "nimble", "quick", "swift")
_ANIMALS = ("badger", "crane", "falcon", "finch", "fox", "gecko", "heron", "lynx", "marten", "otter", "raven", "wren")


_ASKS = "best-of-n"
"""The control search that may ask a language model."""
_PASSING = (ModelFault, ModelRefused, BudgetSpent)
"""Errors after which a run is gone on with, once their cause is gone."""


def start(
    task: LoadedTask, settings: Settings, isolation: IsolationPolicy, out: Path | None, display: Display, yes: bool
) -> Path:
    """Begin a run and see it through; its folder.

    Raises:
        Interrupted: it was stopped, and can be resumed.
        EurekaError: it cannot go on.
    """
    extent = ((settings,), (1 + len(task.baselines)) * settings.final_seeds)
    return _begin(task, settings, isolation, out, display, yes, extent, _announce)


def retrain(
    task: LoadedTask,
    settings: Settings,
    specs: Sequence[ArmSpec],
    wanted: CompareOptions,
    isolation: IsolationPolicy,
    out: Path | None,
    display: Display,
    yes: bool,
) -> Path:
    """Train rewards on `settings.final_seeds` seeds and compare them, in a run folder of its own.

    Args:
        task: the task.
        settings: sizes; those of the control searches too.
        specs: the arms.
        wanted: control searches to run first, and what to look at besides.
        isolation, out, display, yes: as for `start`.

    Raises:
        Interrupted: it was stopped, and can be resumed.
        EurekaError: it cannot go on.
    """
    arms.require(task, specs, wanted)
    searches = [arms.control(name, settings, wanted) for name in wanted.controls]

    def opening(context: RunContext) -> None:
        compare.check(context, specs)
        _place(context)

    rewards = sum(len(e.rewards) for e in specs) + len(searches)
    extent = (searches, rewards * settings.final_seeds)
    asked = {"arms": [e.model_dump() for e in specs], **wanted.model_dump()}
    return _begin(task, settings, isolation, out, display, yes, extent, opening, asked)


def _begin(
    task: LoadedTask,
    settings: Settings,
    isolation: IsolationPolicy,
    out: Path | None,
    display: Display,
    yes: bool,
    extent: tuple[Sequence[Settings], int],
    opening: Callable[[RunContext], None],
    asked: Mapping[str, Any] | None = None,
) -> Path:
    folder, display = (out or _new_folder(task.file.name)).absolute(), one_at_a_time(display)
    budget = Budget(settings.asking)
    designer = registry.make(DesignerContext(settings, budget, folder, (), notifier(display)))
    fresh = not folder.exists()
    begun = False
    with interruptible() as stop:
        run = create(folder, task, settings, versions(), asked)
        try:
            with open_context(run, task, designer, budget, isolation, display) as context:
                run.settings = fit_evaluation(settings, context.trainer.description.horizon)
                opening(context)
                forecast = _forecast(context, *extent)
                display(Notice(f"estimate: {forecast}"))
                if forecast.seconds > LONG and not yes:
                    raise UserError(
                        f"the run would take about {clock(forecast.seconds)}; to start it all the same, add --yes"
                    )
                _record_start(context)
                begun, stop.folder = True, folder
                _finish(context, task)
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


def resume(folder: Path, changes: Changes, isolation: IsolationPolicy, display: Display) -> Path:
    """Go on with an interrupted run, or show the result of a finished one.

    Raises:
        UserError: there is no such run, or its task was changed since.
        Interrupted: it was stopped again.
    """
    folder, display = folder.absolute(), one_at_a_time(display)
    events, _ = read_events(folder)
    with untrusted_run(folder):
        finished = next((event for event in events if event["event"] == "finished"), None)
        comparison = Comparison.model_validate(finished["comparison"]) if finished else None
        record = None if finished else Settings.model_validate(read_json(folder / "run.json")["settings"])
        replies.replies_of(events)
        changing = _changing(folder, events, record) if record else None
    if comparison is not None:
        display(Finished(folder, comparison))
        return folder
    assert changing is not None
    apply_placement(apply_changes(changing, changes.model), changes)  # a mistake is told before anything is begun
    task = task_of(folder)
    with interruptible() as stop:
        stop.folder = folder
        run = Run(folder)
        try:
            run.settings = apply_placement(
                apply_changes(run.settings, ModelOptions() if run.find("arms") else changes.model), changes
            )
            budget = Budget(run.settings.asking, run.events)
            around = DesignerContext(run.settings, budget, folder, run.events, notifier(display))
            with untrusted_run(folder):
                designer = registry.make(around)
            with open_context(run, task, designer, budget, isolation, display) as context:
                started = run.find("started")
                if started is None:
                    run.settings = fit_evaluation(run.settings, context.trainer.description.horizon)
                    _record_start(context)
                else:
                    evaluation = Evaluation.model_validate(started["evaluation"])
                    run.settings = run.settings.model_copy(update={"evaluation": evaluation})
                (_place if run.find("arms") else _announce)(context)
                _finish(context, task, changes)
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


def _wanted(asked: Event) -> CompareOptions:
    return CompareOptions.model_validate({name: asked[name] for name in CompareOptions.model_fields})


def _is_finished(folder: Path) -> bool:
    return any(event["event"] == "finished" for event in read_events(folder)[0])


def _record_start(context: RunContext) -> None:
    evaluation = context.run.settings.evaluation.model_dump()
    sandbox = context.compiler.sandbox.model_dump()
    context.run.append(
        "started",
        evaluation=evaluation,
        sandbox=sandbox,
        fence=context.trainer.first.fence,
        sizes=context.trainer.first.sizes,
    )


def _finish(context: RunContext, task: LoadedTask, changes: Changes | None = None) -> None:
    """Everything that is left of a run; `changes` are None where it only begins."""
    context.display(Opened(context.run.folder))
    asked = context.run.find("arms")
    if asked is not None:
        wanted = _wanted(asked)
        specs = [ArmSpec.model_validate(arm) for arm in asked["arms"]]
        # Whoever begins a comparison agrees to the designer that it names; to go on with it takes more.
        changes = changes or Changes(ModelOptions(wanted.llm))
        specs += [_control(context, task, n, wanted, changes if n == _ASKS else Changes()) for n in wanted.controls]
        comparison = compare.retrain(context, specs, wanted)
        found = {"task": context.run.task_name, "settings": _deciding(context.run.settings)}
        found["comparison"] = comparison.model_dump(mode="json")
        context.run.write("result.json", json.dumps(found, indent=2) + "\n")
        context.run.append("finished", winner=None, comparison=found["comparison"])
        context.display(Finished(context.run.folder, comparison))
        return
    start = context.run.settings.start
    if start is not None and not any(context.run.all("answer", generation=0)):
        recorded = context.designer.given() if isinstance(context.designer, ReplayDesigner) else None
        search.given_start(context, recorded or search.as_reply(_start_source(task, start)))
    winner = search.evolve(context)
    comparison = compare.of_run(context, task, winner)
    context.run.write("result.json", json.dumps(result(context.run, winner, comparison), indent=2) + "\n")
    context.run.append("finished", winner=winner.name, comparison=comparison.model_dump(mode="json"))
    context.display(Finished(context.run.folder, comparison))


def _start_source(task: LoadedTask, start: str) -> str:
    return files.read_source(task.rewards["human"] if start == "human" else Path(start))


def _control(context: RunContext, task: LoadedTask, name: str, wanted: CompareOptions, changes: Changes) -> ArmSpec:
    """The winner of a control search, which is an ordinary run inside the folder; searched for, or gone on with."""
    folder, run = context.run.folder / "controls" / name, context.run
    changes = local_changes(run.settings, changes)
    context.display(Notice(f"control search {name}: {folder}"))
    try:
        if not (folder / "run.json").is_file():
            settings = apply_changes(arms.control(name, run.settings, wanted), changes.model)
            start(task, settings, context.isolation, folder, context.display, yes=True)
        elif not _is_finished(folder):
            resume(folder, changes, context.isolation, context.display)
    except Interrupted as stopped:
        raise Interrupted(run.folder, stopped.signal_number) from None
    except EurekaError as error:
        error.resume = run.folder if error.resume else None
        raise
    return ArmSpec(name=name, rewards=(arms.winner_of(folder),), searches=1)


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


def _forecast(context: RunContext, searches: Sequence[Settings], retrained: int) -> Estimate:
    settings, description = context.run.settings, context.trainer.description
    rate = context.trainer.measure(settings.samples, settings)
    return estimate(settings, description.horizon, rate, prompts.first(description), searches, retrained)


def _announce(context: RunContext) -> None:
    settings = context.run.settings
    if settings.llm == "search":
        said = "no language model in use: rewards come from the built-in search designer (see docs/designers.md)"
        context.display(Notice(said))
    else:
        context.display(Notice(f"designer: {context.designer.name}"))
    for assumption in context.trainer.description.assumptions:
        context.display(Notice(assumption))
    if settings.racing and not halving.rungs(settings.racing, settings.evaluation.marks(settings.iterations)):
        said = "racing disabled: training is too short for an intermediate evaluation; increase --steps"
        context.display(Notice(said))
    _place(context)


def _place(context: RunContext) -> None:
    """Say where and on what the run works."""
    where = context.run.folder
    if where.is_relative_to(Path.cwd()):
        where = where.relative_to(Path.cwd())
    sandbox, fence = context.compiler.sandbox, context.trainer.first.fence
    context.display(
        Notice(f"sandbox {sandbox}   trainer fenced: {fence}" if fence else f"sandbox {sandbox}   trainer open")
    )
    context.display(Notice(f"{context.trainer.executor}   run {where}"))


def versions() -> dict[str, str]:
    """What the numbers of a run depend on besides its settings."""
    names = ("torch", "mujoco", "numpy", "gymnasium")
    return {"eureka": __version__, "python": platform.python_version()} | {n: version(n) for n in names}


def _new_folder(task: str) -> Path:
    chance = random.SystemRandom()
    stamp = time.strftime("%Y-%m-%d-%H%M")
    return Path("runs") / task / f"{stamp}-{chance.choice(_ADJECTIVES)}-{chance.choice(_ANIMALS)}"


def command(folder: Path) -> str:
    """The command that resumes a run, as typed in the working directory."""
    shown = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    return f"eureka resume {shown}"
