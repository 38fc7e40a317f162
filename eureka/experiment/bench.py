"""The same search on many tasks, and what all of them together say: the paper's claim, for anyone to test."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from eureka.config.options import Changes
from eureka.config.settings import Settings
from eureka.config.tasks import LoadedTask
from eureka.errors import EurekaError, UserError
from eureka.experiment import session
from eureka.experiment.options import local_changes
from eureka.runs import layout
from eureka.runs.comparison import summarise
from eureka.runs.events import Display, Notice
from eureka.runs.journal import read_journal
from eureka.runs.results import BenchmarkSummary, Comparison
from eureka.runs.store import task_of, untrusted_run
from eureka.system.files import output_file, write_whole
from eureka.system.signals import Interrupted
from eureka.workers.isolation import IsolationPolicy


def bench(
    plans: Sequence[tuple[LoadedTask, Settings]],
    changes: Changes,
    isolation: IsolationPolicy,
    out: Path,
    display: Display,
    yes: bool,
) -> BenchmarkSummary:
    """Run every task to its end in a folder of its own below `out`, whatever of it is done already taken as it is.

    Args:
        plans: the tasks, each with the settings of its run.
        changes: what may be another for a run that was begun before.
        isolation, out, display, yes: as for `session.start`.

    Raises:
        UserError: two tasks have one name, or a folder holds a run with other settings or of another task.
        Interrupted: it was stopped; the same call goes on.
        EurekaError: a run cannot go on.
    """
    paths: dict[str, Path] = {}
    for task, _ in plans:
        name = task.file.name
        if name in paths:
            raise UserError(f"two tasks are called {name}: {paths[name]} and {task.path}; give one, or rename one")
        paths[name] = task.path
    found: dict[str, Comparison] = {}
    for number, (task, settings) in enumerate(plans, 1):
        name = task.file.name
        display(Notice(f"\ntask {number} of {len(plans)}: {name}"))
        try:
            found[name] = _finished(task, settings, changes, isolation, out / name, display, yes)
        except Interrupted as stopped:
            display(Notice("to go on with the rest too, give the same command again"))
            raise Interrupted(None, stopped.signal_number) from None
        except EurekaError as error:
            error.resume = None
            raise
    summary = summarise({name: (str(out / name), comparison) for name, comparison in found.items()})
    with output_file(out / "summary.json", "--out"):
        write_whole(out / "summary.json", json.dumps(summary.model_dump(mode="json"), indent=2).encode() + b"\n")
    return summary


def _finished(
    task: LoadedTask,
    settings: Settings,
    changes: Changes,
    isolation: IsolationPolicy,
    folder: Path,
    display: Display,
    yes: bool,
) -> Comparison:
    if not layout.is_run(folder):
        session.start(task, settings, isolation, folder, display, yes)
    else:
        with untrusted_run(folder):
            journal, of = read_journal(folder), task_of(folder).path
        if of != task.path:
            raise UserError(f"{folder} is a run of {of}, not of {task.path}; give another folder with --out")
        # Budgets, prices and places decide when a run stops and where it runs, not what it finds.
        aside = ("asking", "devices", "workers", "executor")
        if journal.record.settings.model_copy(update={name: getattr(settings, name) for name in aside}) != settings:
            raise UserError(f"{folder} was begun with other settings; give these, or another folder with --out")
        if journal.finished is None:
            changes = replace(changes, model=replace(changes.model, llm=settings.llm))
            session.resume(folder, local_changes(settings, changes), isolation, display)
    finished = read_journal(folder).finished
    assert finished is not None
    return finished.comparison
