"""Where curves may go besides the run's folder: sinks that `--log NAME` fills while a run goes on.

A sink is given what the journal holds, as numbers with a name and a step, and nothing that is not in the journal: so
one that is opened again, after an interruption or after the run, ends up with the same. Another one is a class with
three methods and a line in `SINKS`.
"""

from __future__ import annotations

import importlib.util
import math
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from eureka.display.factory import close
from eureka.errors import UserError, did_you_mean
from eureka.runs import layout
from eureka.runs.candidate import Point
from eureka.runs.events import Display, Event, Finished, Opened
from eureka.runs.journal import AnswerEvent, CheckpointEvent, Journal, JournalEvent, TrainedEvent
from eureka.text import shown

RUN = "run"
"""The series of what belongs to no single training."""


@dataclass(frozen=True)
class Scalar:
    """One point of one curve."""

    series: str
    """`candidates/1.0`, `final/human-0`, as in the run's folder, or `RUN`; safe as a relative path."""
    name: str
    """`fitness`, `components/upright`: a stranger's words, without control characters."""
    step: int
    """Training world-steps; for what belongs to the run, how many of the kind there were."""
    value: float
    time: float
    """s since 1970, when it was journalled."""

    @property
    def place(self) -> tuple[str, str, int]:
        """What no other point has."""
        return self.series, self.name, self.step


class Logger(Protocol):
    """Takes points; never the same twice."""

    def known(self) -> set[tuple[str, str, int]]:
        """The places of points that it was given before, perhaps by another process."""
        ...

    def write(self, scalar: Scalar) -> None:
        """Take a point, so that whoever reads the sink sees it soon."""
        ...

    def close(self) -> None:
        """Nothing more comes for now."""
        ...


class Scalars:
    """Turns journal events into points."""

    def __init__(self) -> None:
        self._calls = self._trainings = self._judged = 0
        self._spent = {"prompt_tokens": 0.0, "completion_tokens": 0.0, "usd": 0.0}

    def of(self, event: JournalEvent) -> Iterator[Scalar]:
        """The points of the journal's next event."""
        match event:
            case CheckpointEvent():
                for series, point in event.points.items():
                    yield from _of_point(_safe(series), point, event.time)
            case AnswerEvent(answer=answer) if answer.called:
                self._calls += 1
                for name in self._spent:
                    self._spent[name] += getattr(answer, name) or 0
                    yield Scalar(RUN, f"spent/{name}", self._calls, self._spent[name], event.time)
            case TrainedEvent():
                yield from self._of_training(event)

    def _of_training(self, event: TrainedEvent) -> Iterator[Scalar]:
        self._trainings += 1
        for part, seconds in event.seconds.items():
            yield Scalar(RUN, f"seconds/{part}", self._trainings, seconds, event.time)
        for folder, outcome in event.by_folder():
            self._judged += 1
            yield Scalar(_safe(folder), "report_fitness", outcome.steps, outcome.report, event.time)
            yield Scalar(RUN, "report_fitness", self._judged, outcome.report, event.time)


def _of_point(series: str, point: Point, now: float) -> Iterator[Scalar]:
    for name, value in point:
        if name == "steps":
            continue
        parts = {f"{name}/{shown(k)}": v for k, v in value.items()} if isinstance(value, dict) else {name: value}
        for full, number in parts.items():
            if number is not None and math.isfinite(number):
                yield Scalar(series, full, point.steps, number, now)


def _safe(series: str) -> str:
    """A relative path that leads nowhere else, of names that a stranger may have chosen."""
    parts = [re.sub(r"[^\w.-]+", "-", part) for part in series.split("/")]
    return "/".join(part for part in parts if part.strip(".")) or RUN


class TensorBoard:
    """Event files for TensorBoard in `RUN/tensorboard`, a folder for each series."""

    def __init__(self, folder: Path):
        """Open the sink of the run in `folder`."""
        self._folder = folder / layout.TENSORBOARD
        self._files: dict[str, tuple[Any, Any]] = {}

    def known(self) -> set[tuple[str, str, int]]:
        from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

        found = set()
        for path in sorted(self._folder.rglob("events.out.tfevents.*")):
            series = path.parent.relative_to(self._folder).as_posix()
            for event in LegacyEventFileLoader(str(path)).Load():
                found |= {(series, value.tag, event.step) for value in event.summary.value}
        return found

    def write(self, scalar: Scalar) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[attr-defined]

        value = Summary(value=[Summary.Value(tag=scalar.name, simple_value=scalar.value)])
        self._record(scalar.series, step=scalar.step, wall_time=scalar.time, summary=value)

    def _record(self, series: str, **content: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event as Record  # type: ignore[attr-defined]
        from tensorboard.summary.writer.record_writer import RecordWriter

        if series not in self._files:
            # A file of its own for each process: what comes after a record that was cut off cannot be read.
            path = self._folder / series / f"events.out.tfevents.{time.time_ns()}.{os.getpid()}"
            path.parent.mkdir(parents=True, exist_ok=True)
            file = open(path, "wb")  # noqa: SIM115 - until `close`
            self._files[series] = file, RecordWriter(file)
            self._record(series, wall_time=content["wall_time"], file_version="brain.Event:2")
        file, records = self._files[series]
        records.write(Record(**content).SerializeToString())
        file.flush()

    def close(self) -> None:
        for file, _ in self._files.values():
            file.close()
        self._files.clear()


@dataclass(frozen=True)
class _Kind:
    open: Callable[[Path], Logger]
    needs: str
    """A Python package."""


SINKS = {"tensorboard": _Kind(TensorBoard, "tensorboard")}
"""By the name that `--log` takes."""


def with_logger(display: Display, name: str | None) -> Display:
    """A display that fills the sink of that name besides; without a name, just the display.

    Raises:
        UserError: there is none of that name, or its package is not installed.
    """
    if name is None:
        return display
    if name not in SINKS:
        raise UserError(f"no log {name!r}{did_you_mean(name, SINKS)}; there is {' and '.join(SINKS)}")
    if importlib.util.find_spec(SINKS[name].needs) is None:
        raise UserError(f"--log {name} needs {SINKS[name].needs}: pip install -e '.[{name}]'")
    return LoggingDisplay(display, SINKS[name].open)


class LoggingDisplay:
    """Shows what happens, and keeps the sinks of the runs that go on up to date: one, or with controls two."""

    def __init__(self, display: Display, opens: Callable[[Path], Logger]):
        """Show by `display`; `opens` gives the sink of a run's folder."""
        self._display, self._opens = display, opens
        self._feeds: list[_Feed] = []

    def __call__(self, event: Event) -> None:
        self._display(event)
        match event:
            case Opened(folder):
                self._feeds.append(_Feed(folder, self._opens))
            case Finished(folder=folder):
                if not any(feed.folder == folder for feed in self._feeds):  # it was finished before
                    self._feeds.append(_Feed(folder, self._opens))
                while self._feeds and self._feeds.pop().close() != folder:
                    continue
            case _ if self._feeds:
                self._feeds[-1].catch_up()

    def close(self) -> None:
        """Bring the sinks up to date and close them, and give the terminal back."""
        while self._feeds:
            self._feeds.pop().close()
        close(self._display)


class _Feed:
    """Follows one journal into one sink."""

    def __init__(self, folder: Path, opens: Callable[[Path], Logger]):
        self.folder, self._scalars, self._journal, self._read = folder, Scalars(), Journal(folder), 0
        self._known: set[tuple[str, str, int]] = set()
        sink = opens(folder)
        self._sink: Logger | None = sink
        with self._forgiving():
            self._known = sink.known()
        self.catch_up()

    def catch_up(self) -> None:
        """Write what the journal holds and the sink does not."""
        sink = self._sink
        if sink is None:
            return
        with self._forgiving():
            self._journal.refresh()
            new, self._read = self._journal.events[self._read :], len(self._journal.events)
            for event in new:
                for scalar in self._scalars.of(event):
                    if scalar.place not in self._known:
                        self._known.add(scalar.place)
                        sink.write(scalar)

    def close(self) -> Path:
        """Catch up and end; the run's folder."""
        self.catch_up()
        if self._sink is not None:
            with self._forgiving():
                self._sink.close()
        return self.folder

    @contextmanager
    def _forgiving(self) -> Iterator[None]:
        """Go on without the sink where a disk refuses it: the journal has everything."""
        try:
            yield
        except OSError as error:
            self._sink = None
            print(f"the log of {self.folder} cannot be written ({error.strerror}); the run goes on", file=sys.stderr)
