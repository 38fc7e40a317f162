"""The run folder: an append-only journal is the truth, everything else is written whole or not at all.

    run.json        settings and versions, written once
    task/           the task's files as they were
    events.jsonl    the journal: one JSON object a line, flushed to the disk before it is acted upon
    prompts/ candidates/ baselines/ final/
                    for people: prompts, replies, code, records, policies
    result.json     the outcome; the same bytes however often the run was interrupted
    logs/           what the helper processes said
    scratch/        unfinished work of the trainer
    orchestrator.lock, workers.lock

`docs/run-folder.md` describes every event.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from eureka.config.settings import Settings
from eureka.config.tasks import PREFIX, LoadedTask, find_task, load_task
from eureka.errors import RunBusy, UserError
from eureka.system.files import storage, write_whole


def at_work(folder: Path) -> bool:
    """Whether a process holds a run's lock.

    The question needs a shared lock for an instant, so it is not to be asked of runs that are finished anyway.
    """
    try:
        lock = os.open(folder / "orchestrator.lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except OSError as error:
        return error.errno in (errno.EWOULDBLOCK, errno.EAGAIN)
    finally:
        os.close(lock)


_PATIENCE = 30.0
"""s that a resume waits for the workers of a dead orchestrator to end."""

_HALF_MADE = "run.json.tmp"
"""Marks a folder that is being made or cleared away, and is no run; the name that `run.json` is first written under."""

_STRANGE = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, AssertionError, RecursionError)
"""What records raise that are not as they should be."""

Event = dict[str, Any]


class Run:
    """An open run folder: its settings, its journal so far, and the right to add to it."""

    def __init__(self, folder: Path):
        """Take the folder, which holds a run, for this process alone.

        Raises:
            RunBusy: another process works on it.
            StorageFault: it cannot be written.
        """
        self.folder = folder
        self._appending = threading.Lock()
        with contextlib.ExitStack() as undo, storage(folder):
            self._lock = _take(folder)
            undo.callback(os.close, self._lock)
            record = read_json(folder / "run.json")
            self.settings = Settings.model_validate(record["settings"])
            self.task_name: str = record["task"]
            self.workers_lock = _take_workers(folder)
            undo.callback(os.close, self.workers_lock)
            self.events, end = read_events(folder)
            self._journal = os.open(folder / "events.jsonl", os.O_RDWR | os.O_CREAT, 0o644)
            undo.callback(os.close, self._journal)
            os.ftruncate(self._journal, end)  # a line that was cut off was never acted upon
            os.lseek(self._journal, end, os.SEEK_SET)
            self._finish_publishing()
            undo.pop_all()

    def append(self, kind: str, **content: Any) -> Event:
        """Put an event on the disk, and only then call it known."""
        event = _event(kind, content)
        line = _line(event)
        with self._appending, storage(self.folder):
            start = os.lseek(self._journal, 0, os.SEEK_CUR)
            try:
                view = memoryview(line)
                while view:
                    view = view[os.write(self._journal, view) :]
                os.fsync(self._journal)
            except OSError:
                os.ftruncate(self._journal, start)
                os.lseek(self._journal, start, os.SEEK_SET)
                raise
            self.events.append(event)
        return event

    def find(self, kind: str, **wanted: Any) -> Event | None:
        """The latest event of a kind with these contents."""
        return next(self.all(kind, **wanted), None)

    def all(self, kind: str, **wanted: Any) -> Iterator[Event]:
        """All events of a kind with these contents, the latest first."""
        for event in reversed(self.events):
            if event["event"] == kind and all(event.get(k) == v for k, v in wanted.items()):
                yield event

    def once(self, kind: str, key: Mapping[str, Any], produce: Callable[[], Mapping[str, Any]]) -> Event:
        """What was recorded under `key`, or else what `produce` gives, recorded."""
        return self.find(kind, **key) or self.append(kind, **key, **produce())

    def write(self, relative: str, text: str) -> None:
        """Write a file for people, whole or not at all; it can be made again from the journal."""
        path = self.folder / relative
        with storage(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, text.encode())

    def publish(self, files: Mapping[str, Mapping[str, str]]) -> None:
        """Move finished files out of scratch, after the journal has named them with their hashes.

        Args:
            files: by their place in the run folder, `{"file": where in it they are now, "sha256": ...}`.
        """
        for relative, source in files.items():
            target, finished = self.inside(relative), self.inside(source["file"])
            with storage(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                if finished.exists():
                    os.replace(finished, target)

    def inside(self, relative: str) -> Path:
        """A path of the journal's, which may be a stranger's: it must not lead out of the folder.

        Raises:
            UserError: it does.
        """
        path = self.folder / relative
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise UserError(f"{self.folder / 'events.jsonl'} names a file outside the run: {relative!r}")
        return path

    def verified(self, path: Path, sha256: str) -> bool:
        """Whether the file is there and is the one that was journalled."""
        if not path.is_file():
            return False
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256

    def scratch(self, name: str) -> Path:
        """A folder for the trainer's unfinished work."""
        return self.folder / "scratch" / name

    def clear_scratch(self, name: str) -> None:
        """Drop unfinished work that is finished now."""
        shutil.rmtree(self.scratch(name), ignore_errors=True)

    def close(self) -> None:
        """Give the folder back."""
        for descriptor in (self._journal, self.workers_lock, self._lock):
            os.close(descriptor)

    def _finish_publishing(self) -> None:
        for event in self.events:
            files = event.get("publish", {})
            self.publish(files)
            for relative, source in files.items():
                if not self.verified(self.folder / relative, source["sha256"]):
                    raise UserError(f"{self.folder / relative} is missing or was changed since the run wrote it")


def create(
    folder: Path,
    task: LoadedTask,
    settings: Settings,
    versions: Mapping[str, str],
    arms: Mapping[str, Any] | None = None,
) -> Run:
    """Make a new run folder; what a killed process left of one is cleared away first.

    Args:
        folder: where; there may be an empty one.
        task, settings, versions: what goes into its `run.json`.
        arms: contents of the event that makes it a comparison, which it is from its first instant or never.

    Raises:
        UserError: something is in the way.
        StorageFault: it cannot be written.
    """
    if (folder / _HALF_MADE).is_file() and not (folder / "run.json").exists():
        discard(folder, entirely=False)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        hint = f"; to go on with that run: eureka resume {folder}" if (folder / "run.json").exists() else ""
        raise UserError(f"{folder} exists already{hint}")
    fresh = not folder.exists()
    try:
        with storage(folder):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / _HALF_MADE).touch()
            for name in ("logs", "scratch", "task"):
                (folder / name).mkdir()
            for source, copy in _copies(task, folder):
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)
            record = {
                "task": task.file.name,
                "task_file": task.path.stem if task.shipped else str(task.path),
                "sources": {str(s.relative_to(task.path.parent)): _hash(s) for s in task.sources()},
                "settings": settings.model_dump(mode="json"),
                "versions": dict(versions),
            }
            if arms is not None:
                write_whole(folder / "events.jsonl", _line(_event("arms", arms)))
            # Written last: a folder with a run.json is a run.
            write_whole(folder / "run.json", json.dumps(record, indent=2).encode())
        return Run(folder)
    except BaseException:
        discard(folder, fresh)
        raise


def discard(folder: Path, entirely: bool) -> None:
    """Empty the folder of a run that never began, and remove it if `entirely`."""
    mark = folder / _HALF_MADE
    with contextlib.suppress(FileNotFoundError):
        os.replace(folder / "run.json", mark)
    for entry in sorted(folder.iterdir(), key=lambda e: e == mark) if folder.is_dir() else ():  # the mark last
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink()
    if entirely and folder.is_dir():
        folder.rmdir()


def task_of(folder: Path) -> LoadedTask:
    """The task of a run, unless its files have changed since.

    Raises:
        UserError: a file is missing or differs; it is named.
    """
    record = read_json(folder / "run.json")
    name = Path(record["task_file"])
    beside = find_task(record["task_file"]).parent
    if not record["task_file"].startswith(PREFIX):
        if beside.resolve().is_relative_to(folder.resolve()):
            raise UserError(f"{folder} names a task inside itself; a run's folder is data, and its code is not run")
        if len(name.parts) > 1 and not name.is_absolute():
            raise UserError(
                f"{folder} names its task by the relative path {name}; it could be anybody's, and is not run"
            )
    for source, sha256 in record["sources"].items():
        path = beside / source
        if not path.is_file() or _hash(path) != sha256:
            what = "was changed" if path.is_file() else "is missing"
            raise UserError(
                f"{path} {what} since the run began; restore it from {folder / 'task'} to go on, or start a new run"
            )
    task = load_task(record["task_file"])
    if {str(source.relative_to(beside)) for source in task.sources()} != set(record["sources"]):
        raise UserError(f"{folder} does not have the hashes of all files of its task, so its code is not run")
    return task


def find_run(name: str) -> Path:
    """The folder of a run given by a path.

    Raises:
        UserError: there is no run.
    """
    folder = Path(name)
    try:
        there = (folder / "run.json").is_file()
    except OSError as error:
        raise UserError(f"{name[:80]} names no folder: {error.strerror}") from None
    if not there:
        what = "does not exist" if not folder.exists() else "holds no run (it has no run.json)"
        what = what if folder.is_dir() or not folder.exists() else "is a file, not a run's folder"
        raise UserError(f"{folder} {what}; runs are listed in the folder runs/")
    return folder.resolve()


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file of a run.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None


def read_events(folder: Path) -> tuple[list[Event], int]:
    """The whole lines of a journal, and the number of bytes they take."""
    path = folder / "events.jsonl"
    try:
        data = path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    end = data.rfind(b"\n") + 1
    events = []
    for number, line in enumerate(data[:end].splitlines(), 1):
        try:
            events.append(json.loads(line))
            if not isinstance(events[-1], dict) or not isinstance(events[-1].get("event"), str):
                raise ValueError
        except (ValueError, RecursionError):
            raise UserError(f"{path}, line {number}: damaged; the journal was changed by something else") from None
    return events, end


@contextlib.contextmanager
def untrusted_run(folder: Path) -> Iterator[None]:
    """Around code that only reads a run's records, which may be a stranger's or another version's.

    Raises:
        UserError: they are not what this version writes.
    """
    try:
        yield
    except _STRANGE as error:
        what = " ".join(str(error).split())[:120]
        raise UserError(
            f"{folder} is damaged, or was written by another version of eureka ({type(error).__name__}: {what})"
        ) from None


def _event(kind: str, content: Mapping[str, Any]) -> Event:
    return {"event": kind, "time": round(time.time(), 3), **content}


def _line(event: Event) -> bytes:
    return (json.dumps(event, allow_nan=False) + "\n").encode()


def _copies(task: LoadedTask, folder: Path) -> Iterator[tuple[Path, Path]]:
    for source in task.sources():
        yield source, folder / "task" / source.relative_to(task.path.parent)


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _take(folder: Path) -> int:
    lock = os.open(folder / "orchestrator.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(lock, 32).decode(errors="replace").strip() or "?"
        os.close(lock)
        raise RunBusy(f"{folder} is being worked on by process {owner}; wait for it, or stop it first") from None
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())
    return lock


def _take_workers(folder: Path) -> int:
    """The lock that helper processes inherit: it is free once every one of an earlier orchestrator's is gone."""
    lock = os.open(folder / "workers.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(lock)
                raise RunBusy(f"a helper process of an earlier eureka still works in {folder}; end it first") from None
            time.sleep(0.05)
