"""The display and the time limit of a command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eureka.experiment.hours import TimeLimit
    from eureka.runs.events import Display


def limit(hours: float | None) -> TimeLimit | None:
    """The limit of `--max-hours`, if it is given."""
    from eureka.experiment.hours import TimeLimit

    return None if hours is None else TimeLimit(hours)


@contextmanager
def shown(kind: str, log: str | None = None, new: bool = True) -> Iterator[Display]:
    """The display; of a `new` run it shows first which files with defaults apply."""
    from eureka.config.user import load_defaults
    from eureka.display import factory, loggers
    from eureka.runs.events import Notice

    show = loggers.with_logger(factory.make(kind), log)
    try:
        for path in load_defaults().files if new else ():
            show(Notice(f"defaults from {path}"))
        yield show
    finally:
        factory.close(show)
