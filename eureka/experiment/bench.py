"""Benchmarks: the same search on several tasks, with aggregate statistics as in the paper; or several strategies."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from eureka.config.options import Changes
from eureka.config.settings import Settings
from eureka.config.tasks import LoadedTask
from eureka.errors import EurekaError, UserError
from eureka.experiment import session
from eureka.experiment.hours import TimeLimit
from eureka.experiment.options import local_changes
from eureka.runs import layout
from eureka.runs.comparison import summarise
from eureka.runs.events import Display, Notice
from eureka.runs.journal import read_journal
from eureka.runs.results import ArmSpec, BenchmarkSummary, CompareOptions, Comparison
from eureka.runs.store import task_of, untrusted_run
from eureka.system.files import output_file, write_whole
from eureka.system.signals import Interrupted
from eureka.workers.isolation import IsolationPolicy

SUMMARY = "summary.json"


def bench(
    plans: Sequence[tuple[LoadedTask, Settings]],
    changes: Changes,
    isolation: IsolationPolicy,
    out: Path,
    display: Display,
    yes: bool,
    limit: TimeLimit | None = None,
) -> BenchmarkSummary:
    """Run all tasks in subfolders of `out`. Finished runs are reused and interrupted ones are resumed.

    Args:
        plans: tasks with the settings of their runs.
        changes: options that may change when a run is resumed.
        isolation, out, display, yes, limit: as for `session.start`.

    Raises:
        UserError: two tasks have the same name, or a folder contains a run with another task or other settings.
    """
    require_names([task for task, _ in plans])
    found: dict[str, Comparison] = {}
    titles = {task.file.name: settings.title(task.file.name) for task, settings in plans}
    for number, (task, settings) in enumerate(plans, 1):
        name = task.file.name
        display(Notice(f"\ntask {number} of {len(plans)}: {name}"))
        with one_command(display):
            found[name] = run(task, settings, changes, isolation, out / name, display, yes, limit)
    summary = summarise({titles[name]: (str(out / name), comparison) for name, comparison in found.items()})
    with output_file(out / SUMMARY, "--out"):
        write_whole(out / SUMMARY, json.dumps(summary.model_dump(mode="json"), indent=2).encode() + b"\n")
    return summary


def require_names(tasks: Sequence[LoadedTask]) -> None:
    """Raise a UserError if two tasks have the same name."""
    paths: dict[str, Path] = {}
    for task in tasks:
        name = task.file.name
        if name in paths:
            raise UserError(f"two tasks have the name {name}: {paths[name]} and {task.path}; remove or rename one")
        paths[name] = task.path


@contextmanager
def one_command(display: Display) -> Iterator[None]:
    """Around a run of a benchmark: it is not resumed by itself, but by the command of the benchmark."""
    try:
        yield
    except Interrupted as stopped:
        display(Notice("to resume the benchmark, run the same command again"))
        raise Interrupted(None, stopped.signal_number) from None
    except EurekaError as error:
        error.resume = None
        raise


def run(
    task: LoadedTask,
    settings: Settings,
    changes: Changes,
    isolation: IsolationPolicy,
    folder: Path,
    display: Display,
    yes: bool,
    limit: TimeLimit | None,
    specs: Sequence[ArmSpec] = (),
) -> Comparison:
    """Do what is left of a run in `folder`: a search, or a comparison of `specs`; returns its final comparison.

    Raises:
        UserError: the folder has a run of another task, with other settings, or of other rewards.
    """
    if not layout.is_run(folder) and specs:
        session.retrain(task, settings, specs, CompareOptions(), isolation, folder, display, yes, limit=limit)
    elif not layout.is_run(folder):
        session.start(task, settings, isolation, folder, display, yes, limit)
    else:
        with untrusted_run(folder):
            journal, of = read_journal(folder), task_of(folder)
        if not of.same_as(task):
            raise UserError(f"{folder} is a run of {of.path}, not of {task.path}; give another folder with --out")
        # Budgets, prices and devices do not change the result of a run.
        aside = ("asking", "devices", "workers", "executor")
        if journal.asked.model_copy(update={name: getattr(settings, name) for name in aside}) != settings:
            raise UserError(f"{folder} has other settings; give the same ones, or another folder with --out")
        if specs and (journal.arms is None or journal.arms.arms != tuple(specs)):
            raise UserError(f"{folder} compares other rewards; give another folder with --out")
        if journal.finished is None:
            changes = replace(changes, model=replace(changes.model, llm=settings.llm))
            session.resume(folder, local_changes(settings, changes), isolation, display, limit=limit)
    finished = read_journal(folder).finished
    assert finished is not None
    return finished.comparison
