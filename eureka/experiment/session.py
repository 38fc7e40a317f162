"""Whole runs: start, resume after an interruption, and end with a comparison and a result."""

from __future__ import annotations

import json
import platform
import random
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from eureka import __version__
from eureka.config.options import Changes, ModelOptions
from eureka.config.settings import Settings
from eureka.config.tasks import LoadedTask
from eureka.designers import registry
from eureka.designers.base import DesignerContext
from eureka.designers.budget import Budget
from eureka.designers.replay import ReplayDesigner
from eureka.errors import BudgetSpent, EurekaError, ModelFault, ModelRefused, StorageFault, UserError
from eureka.experiment import arms, compare, search
from eureka.experiment.context import NOTHING, Given, RunContext, open_context
from eureka.experiment.estimate import Estimate, fit_evaluation, forecast, require_possible, require_time
from eureka.experiment.hours import TimeLimit, tell
from eureka.experiment.options import apply_changes, apply_placement, local_changes, start_source
from eureka.runs import layout
from eureka.runs.candidate import Candidate
from eureka.runs.events import Display, Finished, Notice, Opened, notifier, one_at_a_time
from eureka.runs.journal import (
    AnswerEvent,
    ArmsEvent,
    ExtendedEvent,
    FinishedEvent,
    Journal,
    StartedEvent,
    TrainedEvent,
    read_journal,
    read_record,
)
from eureka.runs.results import ArmSpec, CompareOptions, Comparison
from eureka.runs.store import Run, create, discard, task_of, untrusted_run, with_own_policy
from eureka.system.signals import Interrupted, interruptible
from eureka.text import command, relative
from eureka.workers import halving
from eureka.workers.isolation import IsolationPolicy

_ADJECTIVES = ("brave", "calm", "clever", "curious", "eager", "gentle", "keen", "lively", "nimble", "quick", "swift")
_ANIMALS = ("badger", "crane", "falcon", "finch", "fox", "gecko", "heron", "lynx", "marten", "otter", "raven", "wren")


_ASKS = "best-of-n"  # The control search that may ask a language model
_PASSING = (ModelFault, ModelRefused, BudgetSpent, StorageFault)
"""Errors after which a run can be resumed, once their cause is removed."""


def start(
    task: LoadedTask,
    settings: Settings,
    isolation: IsolationPolicy,
    out: Path | None,
    display: Display,
    yes: bool,
    limit: TimeLimit | None = None,
    given: Given = NOTHING,
) -> Path:
    """Run a search to its end and return its folder. `given` is what a caller from Python brings.

    Raises:
        Interrupted: it was stopped, and can be resumed.
        EurekaError: it cannot go on.
    """
    extent = _extent(task, settings)
    return _begin(task, settings, isolation, out, display, yes, limit, extent, _announce, given=given)


def retrain(
    task: LoadedTask,
    settings: Settings,
    specs: Sequence[ArmSpec],
    wanted: CompareOptions,
    isolation: IsolationPolicy,
    out: Path | None,
    display: Display,
    yes: bool,
    earlier: Sequence[Path] = (),
    limit: TimeLimit | None = None,
) -> Path:
    """Train rewards on `settings.final_seeds` seeds and compare them, in a separate run folder.

    Args:
        task: the task.
        settings: sizes; those of the control searches too.
        specs: the arms.
        wanted: control searches to run first, and what to look at besides.
        isolation, out, display, yes, limit: as for `start`.
        earlier: finished runs; trainings of the same rewards on the same seeds are taken from the first of them.

    Raises:
        Interrupted: it was stopped, and can be resumed.
        EurekaError: it cannot go on.
    """
    arms.require(task, specs, wanted)
    searches = [arms.control(name, settings, wanted) for name in wanted.controls]

    def opening(context: RunContext) -> None:
        compare.check(context, specs)
        _place(context)
        for folder in () if task.external else earlier[:1]:  # the files of a command are not known
            compare.reuse(context, specs, folder)

    rewards = sum(len(e.rewards) for e in specs) + len(searches)
    extent = (searches, rewards * settings.final_seeds)
    asked = ArmsEvent(arms=tuple(specs), **dict(wanted))
    return _begin(task, settings, isolation, out, display, yes, limit, extent, opening, asked)


def _extent(task: LoadedTask, settings: Settings) -> tuple[Sequence[Settings], int]:
    """The searches of a search, and the number of trainings of its final comparison."""
    return (settings,), (1 + len(arms.compared(task, settings))) * settings.final_seeds


def _begin(
    task: LoadedTask,
    settings: Settings,
    isolation: IsolationPolicy,
    out: Path | None,
    display: Display,
    yes: bool,
    limit: TimeLimit | None,
    extent: tuple[Sequence[Settings], int],
    opening: Callable[[RunContext], None],
    asked: ArmsEvent | None = None,
    given: Given = NOTHING,
) -> Path:
    folder, display = (out or _new_folder(task.file.name)).absolute(), one_at_a_time(display)
    budget = Budget(settings.asking)
    search.strategy_of(settings, given)
    designer = registry.make(DesignerContext(settings, budget, folder, (), notifier(display), given.designer))
    begun = False
    require_possible(settings, *extent, yes)
    with interruptible() as stop:
        run = create(folder, task, settings, versions(), asked)
        try:
            with open_context(run, task, designer, budget, isolation, display, given) as context:
                _record_start(context, task)
                context.trainer.room(run.settings)  # at once, as a reward is tested on so many worlds
                opening(context)
                _consent(context, extent, yes, limit, search=asked is None)
                begun, stop.folder = True, folder
                _finish(context, task, limit=limit)
                return folder
        except EurekaError as error:
            # A first question that was refused (no such model, a wrong key) leaves nothing worth going on with.
            answered = any(event.generation for event in run.all(AnswerEvent))
            searched = any(map(layout.is_run, (folder / layout.CONTROLS).glob("*")))
            begun = begun and (answered or searched or run.find(TrainedEvent) is not None)
            error.resume = folder if begun and isinstance(error, _PASSING) else None
            raise
        finally:
            run.close()
            if not begun:  # nothing happened yet that is worth keeping
                discard(folder, run.made)


def resume(
    folder: Path,
    changes: Changes,
    isolation: IsolationPolicy,
    display: Display,
    generations: int | None = None,
    yes: bool = False,
    limit: TimeLimit | None = None,
    given: Given = NOTHING,
) -> Path:
    """Resume an interrupted run; show the result of a finished one, or add `generations` to it.

    Raises:
        UserError: there is no such run, its task was changed since, or it cannot be extended.
        Interrupted: it was stopped again.
    """
    folder, display = folder.absolute(), one_at_a_time(display)
    journal = read_journal(folder)
    if generations is not None:
        _require_finished_search(journal)
    elif journal.finished is not None:
        more = f"; to add generations: {command('resume', folder)} --generations N"
        display(Notice(f"{relative(folder)} is finished{more if journal.record.kind == 'search' else ''}"))
        display(Finished(folder, journal.finished.comparison))
        return folder
    # A mistake is told before anything is begun.
    apply_placement(apply_changes(_changing(journal), changes.model), changes)
    own = ModelOptions() if journal.arms else changes.model
    settings = apply_placement(apply_changes(journal.record.settings, own), changes)
    task = task_of(folder)
    with interruptible() as stop:
        stop.folder = folder
        run = Run(folder, settings)
        try:
            if generations is not None:  # once more, now that no other process can extend it
                _require_finished_search(run)
            answers = run.answers()
            budget = Budget(settings.asking, answers)
            around = DesignerContext(settings, budget, folder, answers, notifier(display), given.designer)
            with untrusted_run(folder):
                designer = registry.make(around)
            with open_context(run, task, designer, budget, isolation, display, given) as context:
                if run.find(StartedEvent) is None:
                    _record_start(context, task)
                (_place if run.arms else _announce)(context)
                if generations is not None:
                    _extend(context, generations, yes, limit)
                elif limit:
                    _limit(context, task, limit)
                _finish(context, task, changes, limit)
                return folder
        except _PASSING as error:
            error.resume = folder
            raise
        finally:
            run.close()


def _require_finished_search(journal: Journal) -> None:
    if journal.record.kind != "search":
        raise UserError(f"{journal.folder} is no search: it compares given rewards and has no generations to add to")
    if journal.finished is None:
        raise UserError(
            f"{journal.folder} is not finished, and generations are added to finished runs; finish it first with: "
            f"{command('resume', journal.folder)}"
        )


def _extend(context: RunContext, generations: int, yes: bool, limit: TimeLimit | None) -> None:
    """Add generations to a finished search, once it is known that their replies and the time for them are there."""
    total = context.run.settings.generations + generations
    if isinstance(context.designer, ReplayDesigner) and context.designer.generations < total:
        raise UserError(
            f"{context.designer.folder} has replies of generations up to {context.designer.generations}, but the run "
            f"would have {total}; give another designer with --llm, or fewer generations"
        )
    settings = context.run.settings
    added = settings.model_copy(update={"generations": generations, "start": None})
    _consent(context, ((added,), settings.final_seeds), yes, limit)
    context.run.append(ExtendedEvent(generations=total))


def _consent(
    context: RunContext,
    extent: tuple[Sequence[Settings], int],
    yes: bool,
    limit: TimeLimit | None,
    search: bool = True,
) -> None:
    """Show the estimate of what is to be done; `UserError` if it is long and not agreed to, or beyond the limit."""
    found = _forecast(context, *extent)
    context.display(Notice(f"estimate: {found}"))
    context.display(Notice(found.memory_line))
    if limit:
        limit.require(found, search)
    require_time(found.seconds, "about", yes)


def _changing(journal: Journal) -> Settings:
    """The settings that a resume may change: the run's, or those of a control search that has not finished."""
    asked, control = journal.arms, journal.folder / layout.control(_ASKS)
    if asked is None or _ASKS not in asked.controls or _is_finished(control):
        return journal.record.settings
    if layout.is_run(control):
        return read_record(control).settings
    return arms.control(_ASKS, journal.record.settings, asked)


def _is_finished(folder: Path) -> bool:
    return layout.is_run(folder) and read_journal(folder).finished is not None


def _record_start(context: RunContext, task: LoadedTask) -> None:
    if context.trainer.description.unfinished:
        raise UserError(context.trainer.description.unfinished)
    fitted = context.run.settings
    if not task.external:
        fitted = fit_evaluation(fitted, context.trainer.description.horizon)
    usual = task.preset(fitted.preset).steps
    first, sandbox = context.trainer.first, context.compiler.sandbox.model_dump()
    event = StartedEvent(
        evaluation=fitted.evaluation,
        sandbox=sandbox,
        fence=first.fence,
        sizes=first.sizes,
        parameters=first.description.parameters,
        metrics=first.description.metrics,
        fitness_unit=first.description.fitness_unit,
        fitness_range=first.description.fitness_range,
        preset_steps=usual if usual != fitted.steps else None,
    )
    context.run.append(event)


def _finish(
    context: RunContext, task: LoadedTask, changes: Changes | None = None, limit: TimeLimit | None = None
) -> None:
    """Do all that is left of a run; `changes` is None for a new run."""
    context.display(Opened(context.run.folder))
    asked, winner = context.run.arms, None
    if asked is not None:
        # Starting a comparison implies consent to its designer; resuming one does not.
        changes = changes or Changes(ModelOptions(asked.llm))
        searched = [_control(context, task, n, asked, changes if n == _ASKS else Changes()) for n in asked.controls]
        comparison = compare.retrain(context, [*asked.arms, *searched], asked)
    else:
        start = context.run.settings.start
        if start is not None and context.run.find(AnswerEvent, generation=0) is None:
            recorded = context.designer.given() if isinstance(context.designer, ReplayDesigner) else None
            search.given_start(context, recorded or search.as_reply(start_source(task, start)))
        winner = search.evolve(context, limit)
        comparison = compare.of_run(context, task, winner)
    context.run.write(layout.RESULT, json.dumps(_result(context.run, winner, comparison), indent=2) + "\n")
    context.run.append(FinishedEvent(winner=winner.name if winner else None, comparison=comparison))
    tell(context)
    context.display(Finished(context.run.folder, comparison, winner))


def _control(context: RunContext, task: LoadedTask, name: str, wanted: CompareOptions, changes: Changes) -> ArmSpec:
    """The winner of a control search, an ordinary run inside the folder, which is started or resumed."""
    folder, run = context.run.folder / layout.control(name), context.run
    changes = local_changes(run.settings, changes)
    context.display(Notice(f"control search {name}: {folder}"))
    try:
        if not layout.is_run(folder):
            own = with_own_policy(run.folder, run.settings)
            settings = apply_changes(arms.control(name, own, wanted), changes.model)
            start(task, settings, context.isolation, folder, context.display, yes=True)
        elif not _is_finished(folder):
            resume(folder, changes, context.isolation, context.display)
    except Interrupted as stopped:
        raise Interrupted(run.folder, stopped.signal_number) from None
    except EurekaError as error:
        error.resume = run.folder if error.resume else None
        raise
    return ArmSpec(name=name, rewards=(arms.winner_of(folder),), searches=1)


def _result(run: Run, winner: Candidate | None, comparison: Comparison) -> dict[str, Any]:
    """The result: a function of the recorded replies and verdicts, the task, the settings and the seed."""
    aside = {"llm", "device", "devices", "workers", "executor", "asking"}  # what decides no result
    found = {"task": run.record.task, "settings": run.settings.model_dump(mode="json", exclude=aside)}
    if winner is not None:
        records = sorted((run.folder / layout.CANDIDATES).glob("*/record.json"), key=lambda path: path.parent.name)
        found |= {"winner": winner.name, "candidates": [json.loads(p.read_text(encoding="utf-8")) for p in records]}
    if run.earlier:
        of_round = {"winner", "comparison"}
        found["earlier"] = [{"generations": n} | e.model_dump(mode="json", include=of_round) for n, e in run.earlier]
    return found | {"comparison": comparison.model_dump(mode="json")}


def _forecast(context: RunContext, searches: Sequence[Settings], retrained: int) -> Estimate:
    settings = context.run.settings
    reused = context.run.find(TrainedEvent, training=layout.REUSED)
    retrained -= len(reused.members) if reused else 0
    return forecast(context.trainer, settings, searches, retrained)


def _limit(context: RunContext, task: LoadedTask, limit: TimeLimit) -> None:
    """Apply the limit to a resumed run; `UserError` if it is a comparison, which cannot end early."""
    if context.run.arms:
        raise UserError("--max-hours: a comparison has no generations to leave out; resume it without the option")
    limit.require(_forecast(context, *_extent(task, context.run.settings)), search=True)


def _announce(context: RunContext) -> None:
    settings = context.run.settings
    if settings.llm == "search":
        said = "no language model in use: rewards come from the built-in search designer (see docs/designers.md)"
        context.display(Notice(said))
    elif isinstance(context.designer, ReplayDesigner):
        said = f"designer: {context.designer.name}, written by {context.designer.author}; no model is called"
        context.display(Notice(f"{said}, and every reward is trained on this machine"))
    else:
        context.display(Notice(f"designer: {context.designer.name}"))
    for assumption in context.trainer.description.assumptions:
        context.display(Notice(assumption))
    marks = settings.evaluation.marks(settings.iterations)
    if settings.racing and len(halving.stretches(settings.racing, settings.seeds, marks)) == 1:
        said = "racing disabled: training is too short for an intermediate evaluation; increase --steps"
        context.display(Notice(said))
    _place(context)


def _place(context: RunContext) -> None:
    """Show how the task differs from its defaults, the sandbox, the devices and the folder."""
    description = context.trainer.description
    if changed := description.changed_parameters():
        context.display(Notice(f"the task differs from its defaults: {changed}"))
    if description.policy:
        context.display(Notice(f"every training starts from the policy of {description.policy}, with a new critic"))
    for stage in description.stages:
        context.display(Notice(f"stage {stage}"))
    sandbox, fence = context.compiler.sandbox, context.trainer.first.fence
    context.display(
        Notice(f"sandbox {sandbox}   trainer fenced: {fence}" if fence else f"sandbox {sandbox}   trainer open")
    )
    context.display(Notice(f"{context.trainer.executor}   run {relative(context.run.folder)}"))


def versions() -> dict[str, str]:
    """Versions that results depend on."""
    names = ("torch", "mujoco", "numpy", "gymnasium")
    return {"eureka": __version__, "python": platform.python_version()} | {n: version(n) for n in names}


def _new_folder(task: str) -> Path:
    chance = random.SystemRandom()
    stamp = time.strftime("%Y-%m-%d-%H%M")
    while True:
        folder = Path("runs") / task / f"{stamp}-{chance.choice(_ADJECTIVES)}-{chance.choice(_ANIMALS)}"
        if not folder.exists():
            return folder
        stamp = time.strftime("%Y-%m-%d-%H%M%S")
