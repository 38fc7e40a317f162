"""`eureka list`: the runs below a folder with their best candidate, and the tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from eureka.config.tasks import load_task, shipped_tasks
from eureka.display import terminal
from eureka.errors import EurekaError, UserError
from eureka.report.progress import progress_of
from eureka.runs import history, layout
from eureka.runs.journal import Journal, read_journal
from eureka.runs.store import RUNS, at_work
from eureka.text import number, relative, shown

_COLUMNS = ("run", "task", "designer", "state", "best", "candidate")
_SPARE = ("designer", "candidate", "task")  # Columns that a narrow terminal lacks, the first ones first
_SHORTEST = 12  # Columns of a run's name that was shortened


@dataclass(frozen=True)
class _Row:
    """A run."""

    run: str
    task: str = "?"
    designer: str = "?"
    state: str = ""
    best: str = ""
    candidate: str = ""
    began: float = 0.0  # s since 1970


def show(folder: Path) -> None:
    """Print the runs in `folder`, the newest first, and the shipped tasks.

    Raises:
        UserError: there is no such folder.
    """
    console = terminal.console()
    if folder.is_dir():
        rows = sorted(map(_row, layout.runs_below(folder)), key=lambda row: (-row.began, row.run))
        _show_runs(console, rows) if rows else terminal.say(console, f"no runs in {folder}")
    elif folder == RUNS:
        terminal.say(console, "no runs: there is no folder runs/ here")
    else:
        raise UserError(f"there is no folder {folder}; give a folder of runs")
    tasks = _table("task", "description")
    for name in shipped_tasks():
        tasks.add_row(name, Text(load_task(name).file.description))
    terminal.show(console, tasks)


def _show_runs(console: Console, rows: Sequence[_Row]) -> None:
    """Print a line for each run: where the terminal is narrow, without some columns, then with short names."""
    columns = list(_COLUMNS)
    for name in _SPARE if console.is_terminal else ():
        if _excess(console, rows, columns) > 0:
            columns.remove(name)
    longest = max(len(row.run) for row in rows)
    if console.is_terminal:
        longest -= max(0, _excess(console, rows, columns))
    terminal.show(console, _runs(rows, columns, max(_SHORTEST, longest)))


def _excess(console: Console, rows: Sequence[_Row], columns: Sequence[str]) -> int:
    return terminal.natural_width(console, _runs(rows, columns)) - console.width


def _runs(rows: Sequence[_Row], columns: Sequence[str], longest: int = 1000) -> Table:
    table = _table(*columns)
    for row in rows:
        cells = {**vars(row), "run": row.run if len(row.run) <= longest else f"…{row.run[1 - longest :]}"}
        table.add_row(*[Text(cells[name]) for name in columns])
    return table


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column == "best" else "left", no_wrap=column != "description")
    return table


def _row(run: Path) -> _Row:
    """A run on one line; an unreadable run says so in its state."""
    try:
        journal = read_journal(run)
        best = history.best_of(history.candidates_of(journal).values())
        fitness, arms = best and best.estimate and best.estimate.mean, journal.arms and journal.arms.arms
        designer = journal.settings.llm
        if arms:
            designer = f"none: {' against '.join(arm.name for arm in arms)}{' reward alone' if len(arms) == 1 else ''}"
        if arms and len(arms) == 1 and journal.finished:
            fitness = journal.finished.comparison.arms[0].mean
        return _Row(
            began=journal.events[0].time if journal.events else 0.0,
            run=shown(str(relative(run))),
            task=shown(journal.settings.title(journal.record.task)),
            designer=shown(designer),
            state=_state(journal),
            best="" if fitness is None else number(fitness),
            candidate=best.name if best else "",
        )
    except (EurekaError, OSError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        return _Row(run=shown(str(relative(run))), state=f"cannot be read: {type(error).__name__}")


def _state(journal: Journal) -> str:
    if journal.finished:
        return "finished"
    done = f"{progress_of(journal).share:.0%}"
    return f"running, {done}" if at_work(journal.folder) else f"interrupted at {done}"
