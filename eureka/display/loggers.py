"""Loggers for training curves, selected with `--log NAME`.

A logger receives only scalars from the journal, so that one opened again after an interruption has the same result.
To add a logger, write a class with the methods of `Logger` and add it to `LOGGERS`.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import json
import math
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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

RUN = "run"  # Series of scalars that do not belong to a single training


@dataclass(frozen=True)
class Scalar:
    """A point of a curve."""

    series: str
    """A folder in the run, e.g. `candidates/1.0` or `final/human-0`, or `RUN`; safe as a relative path."""
    name: str  # E.g. `fitness` or `components/upright`; untrusted text without control characters.
    step: int  # Training world-steps; in the series `RUN`, a counter
    value: float
    time: float  # Time of the journal entry in s since 1970

    @property
    def place(self) -> tuple[str, str, int]:
        """Unique key of the point."""
        return self.series, self.name, self.step


class Logger(Protocol):
    """Writes scalars. Each one is passed only once."""

    def known(self) -> set[tuple[str, str, int]]:
        """Keys of the scalars written before, including by other processes."""
        ...

    def write(self, scalar: Scalar) -> None:
        """Write a scalar without delay."""

    def close(self) -> None:
        """Close all files."""


class Scalars:
    """Converts journal events to scalars."""

    def __init__(self) -> None:
        self._calls = self._trainings = self._judged = 0
        self._spent = {"prompt_tokens": 0.0, "completion_tokens": 0.0, "usd": 0.0}

    def of(self, event: JournalEvent) -> Iterator[Scalar]:
        """Scalars of the journal's next event."""
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
    """Sanitize an untrusted relative path."""
    parts = [re.sub(r"[^\w.-]+", "-", part) for part in series.split("/")]
    return "/".join(part for part in parts if part.strip(".")) or RUN


class TensorBoard:
    """Writes TensorBoard event files to `RUN/tensorboard`, with a folder per series."""

    def __init__(self, folder: Path):
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
            # One file per process: records after a truncated one cannot be read.
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


class Wandb:
    """Writes to a run of Weights & Biases; a resumed run continues it. Each series has its own axis of world-steps.

    What was written is kept in `RUN/wandb/written.jsonl`, since a run in offline mode cannot be asked.
    """

    def __init__(self, folder: Path):
        self._home = folder / layout.WANDB
        self._written = self._home / "written.jsonl"
        self._run: Any = None
        self._folder, self._series = folder, set[str]()

    def known(self) -> set[tuple[str, str, int]]:
        if not self._written.exists():
            return set()
        found = set()
        for line in self._written.read_text(encoding="utf-8").splitlines():
            with suppress(ValueError):  # a line that an interruption cut
                series, name, step = json.loads(line)
                found.add((series, name, step))
        return found

    def write(self, scalar: Scalar) -> None:
        run = self._run or self._opened()
        axis = f"{scalar.series}/steps"
        if scalar.series not in self._series:
            self._series.add(scalar.series)
            run.define_metric(f"{scalar.series}/*", step_metric=axis)
        run.log({f"{scalar.series}/{scalar.name}": scalar.value, axis: scalar.step})
        with self._written.open("a", encoding="utf-8") as file:
            file.write(json.dumps(scalar.place) + "\n")

    def _opened(self) -> Any:
        """Open the run; `OSError`, which ends the log and not the search, if that fails in any way."""
        try:
            return self._open()
        except OSError:
            raise
        except Exception as error:
            raise OSError(errno.EIO, f"{type(error).__name__}: {error}") from error

    def _open(self) -> Any:
        import wandb

        self._home.mkdir(parents=True, exist_ok=True)
        record = (self._folder / layout.RECORD).read_bytes()  # one run of ours is one of theirs
        if os.environ.get("WANDB_MODE") not in ("offline", "disabled") and not wandb.Api().api_key:
            raise OSError(errno.EACCES, "wandb has no key; set WANDB_API_KEY, or WANDB_MODE=offline")
        self._run = wandb.init(
            project="eureka",
            name=self._folder.name,
            id=hashlib.sha256(record + str(self._folder).encode()).hexdigest()[:16],
            resume="allow",
            dir=str(self._home),
            config=json.loads(record).get("settings", {}),
            settings=wandb.Settings(console="off", silent=True),
        )
        return self._run

    def close(self) -> None:
        if self._run is not None:
            self._run.finish()
            self._run = None


@dataclass(frozen=True)
class _Kind:
    open: Callable[[Path], Logger]
    needs: str  # Name of a Python package


LOGGERS = {"tensorboard": _Kind(TensorBoard, "tensorboard"), "wandb": _Kind(Wandb, "wandb")}  # Values of `--log`


def with_logger(display: Display, name: str | None) -> Display:
    """Add a logger to a display, if a name is given; UserError if there is none or its package is not installed."""
    if name is None:
        return display
    if name not in LOGGERS:
        raise UserError(f"no logger {name!r}{did_you_mean(name, LOGGERS)}; give {' or '.join(LOGGERS)}")
    if importlib.util.find_spec(LOGGERS[name].needs) is None:
        raise UserError(f"--log {name} needs {LOGGERS[name].needs}: pip install -e '.[{name}]'")
    return LoggingDisplay(display, LOGGERS[name].open)


class LoggingDisplay:
    """Shows events, and updates the loggers of the current run and of its control search, if any."""

    def __init__(self, display: Display, opens: Callable[[Path], Logger]):
        """Show events with `display`; `opens` creates the logger for a run's folder."""
        self._display, self._opens = display, opens
        self._feeds: list[_Feed] = []

    def __call__(self, event: Event) -> None:
        self._display(event)
        match event:
            case Opened(folder):
                self._feeds.append(_Feed(folder, self._opens))
            case Finished(folder=folder):
                if not any(feed.folder == folder for feed in self._feeds):  # finished before
                    self._feeds.append(_Feed(folder, self._opens))
                while self._feeds and self._feeds.pop().close() != folder:
                    continue
            case _ if self._feeds:
                self._feeds[-1].catch_up()

    def close(self) -> None:
        """Update and close the loggers, and close the display."""
        while self._feeds:
            self._feeds.pop().close()
        close(self._display)


class _Feed:
    """Passes the entries of one journal to one logger."""

    def __init__(self, folder: Path, opens: Callable[[Path], Logger]):
        self.folder, self._scalars, self._journal, self._read = folder, Scalars(), Journal(folder), 0
        self._known: set[tuple[str, str, int]] = set()
        sink = opens(folder)
        self._sink: Logger | None = sink
        with self._forgiving():
            self._known = sink.known()
        self.catch_up()

    def catch_up(self) -> None:
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
        """Write the remaining scalars and close the logger. Returns the run's folder."""
        self.catch_up()
        if self._sink is not None:
            with self._forgiving():
                self._sink.close()
        return self.folder

    @contextmanager
    def _forgiving(self) -> Iterator[None]:
        """Disable the logger after an I/O error; the journal is complete."""
        try:
            yield
        except OSError as error:
            self._sink = None
            print(f"cannot write the log of {self.folder} ({error.strerror}); continuing without it", file=sys.stderr)
