"""`eureka list`: the tasks, and the runs below a folder with their best candidate."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from eureka.config.tasks import load_task, shipped_tasks
from eureka.display import terminal
from eureka.errors import EurekaError, UserError
from eureka.runs import history, layout
from eureka.runs.journal import TrainingEvent, read_journal
from eureka.text import number, shown

_PIPE = 200  # Columns without a terminal
_DEPTH = 3  # Levels of folders that are searched


def show(folder: Path) -> None:
    """Print the shipped tasks and the runs in `folder`.

    Raises:
        UserError: there is no such folder.
    """
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPE
    tasks = _table("task", "description")
    for name in shipped_tasks():
        tasks.add_row(name, Text(load_task(name).file.description))
    terminal.show(console, tasks)
    if not folder.is_dir():
        if folder == Path("runs"):
            terminal.say(console, "no runs: there is no folder runs/ here")
            return
        raise UserError(f"there is no folder {folder}; give a folder of runs")
    here = Path.cwd()
    folder = folder.relative_to(here) if folder.is_relative_to(here) else folder
    found = sorted(path.parent for depth in range(_DEPTH + 1) for path in folder.glob("*/" * depth + layout.RECORD))
    runs = _table("run", "task", "designer", "state", "best", "candidate")
    for run in found:
        runs.add_row(*[Text(shown(cell)) for cell in _row(run)])
    if found:
        terminal.show(console, runs)
    else:
        terminal.say(console, f"no runs in {folder}")


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", justify="right" if column == "best" else "left")
    return table


def _row(run: Path) -> list[str]:
    """A run on one line; an unreadable run says so in its state."""
    try:
        journal = read_journal(run)
        state = "training" if journal.find(TrainingEvent) else "started"
        task = journal.settings.title(journal.record.task)
        state = "finished" if journal.finished else f"{state}, not finished"
        if journal.arms:
            names = [arm.name for arm in journal.arms.arms]
            what = f"{' against '.join(names)}" if len(names) > 1 else f"{names[0]} reward alone"
            mean = journal.finished.comparison.arms[0].mean if journal.finished and len(names) == 1 else None
            return [str(run), task, f"none: {what}", state, "" if mean is None else number(mean), ""]
        best = history.best_of(history.candidates_of(journal).values())
        fitness = number(best.estimate.mean) if best and best.estimate else ""
        return [str(run), task, journal.settings.llm, state, fitness, best.name if best else ""]
    except (EurekaError, OSError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        return [str(run), "?", "?", f"cannot be read: {type(error).__name__}", "", ""]
