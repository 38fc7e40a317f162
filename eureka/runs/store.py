"""The run folder (docs/run-folder.md): the journal is append-only; every other file is written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import itertools
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from eureka.config.settings import Settings
from eureka.config.tasks import PREFIX, LoadedTask, TaskFile, load_task, shipped_home, shipped_tasks
from eureka.errors import RunBusy, UserError, did_you_mean
from eureka.runs import layout
from eureka.runs.journal import ArmsEvent, Journal, JournalEvent, PublishedFile, RunRecord, TrainedEvent, read_record
from eureka.system.files import output_file, storage, write_whole
from eureka.text import command, shown


def at_work(folder: Path) -> bool:
    """Whether a process works on a run that is not finished."""
    return process_of(folder) is not None


def process_of(folder: Path) -> str | None:
    """Number of the process that holds a run's lock; None if none does.

    Takes a shared lock for an instant: not to be asked of finished runs.
    """
    try:
        lock = os.open(folder / layout.ORCHESTRATOR_LOCK, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except OSError as error:
        return _owner(lock) if error.errno in (errno.EWOULDBLOCK, errno.EAGAIN) else None
    finally:
        os.close(lock)


def _owner(lock: int) -> str:
    written = os.read(lock, 32).decode(errors="replace").strip()
    return written if written.isdecimal() else "?"


_PATIENCE = 30.0  # s that a resume waits for the workers of a dead orchestrator to end

_HALF_MADE = f"{layout.RECORD}.tmp"  # marks a folder being made or cleared away; `run.json` is first written here

_MOST, _LARGEST = 1000, 32 << 20  # files in the folder of a task's class, and their bytes, that a run copies

_STRANGE = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, AssertionError, RecursionError)

_Event = TypeVar("_Event", bound=JournalEvent)


class Run(Journal):
    """An open run folder: its settings, its journal so far, and the right to add to it."""

    def __init__(self, folder: Path, settings: Settings | None = None):
        """Take the folder for this process alone; raises `RunBusy` if another one works on it."""
        super().__init__(folder)
        self.made: Sequence[Path] = ()  # Folders that were made for it, the innermost first
        self._settings = settings or self.record.settings
        self._appending = threading.Lock()
        with contextlib.ExitStack() as undo, storage(folder):
            self._lock = _take(folder)
            undo.callback(os.close, self._lock)
            self.workers_lock = _take_workers(folder)
            undo.callback(os.close, self.workers_lock)
            self.refresh()
            self._journal = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            undo.callback(os.close, self._journal)
            os.ftruncate(self._journal, self._end)  # a line that was cut off was never acted upon
            os.lseek(self._journal, self._end, os.SEEK_SET)
            self._finish_publishing()
            undo.pop_all()

    @property
    def settings(self) -> Settings:
        return self._in_effect(self._settings)

    def append(self, event: _Event) -> _Event:
        """Put an event on the disk, and only then call it known."""
        line = _line(event)
        with self._appending, storage(self.folder):
            self._check_place()
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

    def once(self, kind: type[_Event], key: Mapping[str, Any], produce: Callable[[], Mapping[str, Any]]) -> _Event:
        """What was recorded under `key`, or else what `produce` gives, recorded."""
        return self.find(kind, **key) or self.append(kind(**key, **produce()))

    def write(self, relative: str, text: str) -> None:
        """Write a file for people, whole or not at all; it can be made again from the journal."""
        path = self.folder / relative
        with storage(path):
            self._check_place()
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, text.encode())

    def publish(self, files: Mapping[str, PublishedFile]) -> None:
        """Move finished files out of scratch to their places, after the journal has named them with their hashes."""
        for relative, source in files.items():
            target, finished = self.inside(relative), self.inside(source.file)
            with storage(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                if finished.exists():
                    if target.is_dir() and not target.is_symlink():  # of an earlier attempt
                        shutil.rmtree(target)
                    os.replace(finished, target)

    def inside(self, relative: str) -> Path:
        """A path of the journal, which is untrusted; raises `UserError` if it leads out of the folder."""
        path = self.folder / relative
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise UserError(f"{self.path} names a file outside the run: {relative!r}")
        return path

    def verified(self, path: Path, sha256: str) -> bool:
        """Whether the file is there and is the one that was journalled; of a command's folder, how it ended."""
        if path.is_dir():
            path = path / layout.ENDED
        if not path.is_file():
            return False
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256

    def scratch(self, name: str) -> Path:
        """A folder for the trainer's unfinished work."""
        return self.folder / layout.SCRATCH / name

    def clear_scratch(self, name: str) -> None:
        """Drop unfinished work that is finished now."""
        shutil.rmtree(self.scratch(name), ignore_errors=True)

    def close(self) -> None:
        for descriptor in (self._journal, self.workers_lock, self._lock):
            os.close(descriptor)

    def _check_place(self) -> None:
        """Raise `UserError` if the folder was moved, since its path would be made anew."""
        try:
            there = os.path.samestat(self.path.stat(), os.fstat(self._journal))
        except FileNotFoundError:
            there = False
        if not there:
            raise UserError(
                f"{self.folder} was moved or removed during the run; if it was moved, resume it in its new place: "
                "eureka resume FOLDER"
            )

    def _finish_publishing(self) -> None:
        for event in self.all(TrainedEvent):
            self.publish(event.publish)
            for relative, source in event.publish.items():
                if not self.verified(self.folder / relative, source.sha256):
                    raise UserError(f"{self.folder / relative} is missing or was changed since the run wrote it")


def create(
    folder: Path, task: LoadedTask, settings: Settings, versions: Mapping[str, str], arms: ArmsEvent | None = None
) -> Run:
    """Make a new run folder, clearing away what a killed process left of one; raises `UserError` if it is in use."""
    with output_file(folder, "--out"):
        if (folder / _HALF_MADE).is_file() and not (folder / layout.RECORD).exists():
            discard(folder)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            hint = f"; to resume that run: {command('resume', folder)}" if layout.is_run(folder) else ""
            raise UserError(f"{folder} exists already{hint}")
        made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        with output_file(folder, "--out"):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / _HALF_MADE).touch()
            for name in (layout.LOGS, layout.SCRATCH, layout.TASK):
                (folder / name).mkdir()
            for source, copy in _copies(task, folder):
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)
            if settings.policy is not None:
                shutil.copyfile(settings.policy.file, folder / layout.START)
                if _hash(folder / layout.START) != settings.policy.sha256:
                    raise UserError(f"{settings.policy.file} was changed since this run was asked for; start it again")
            record = RunRecord(
                kind="search" if arms is None else "comparison",
                task=task.file.name,
                task_file=task.original or (task.path.stem if task.shipped else str(task.path)),
                sources={os.path.relpath(s, task.path.parent): _hash(s) for s in task.sources()},
                settings=settings,
                versions=dict(versions),
            )
            if arms is not None:
                write_whole(folder / layout.JOURNAL, _line(arms))
            # Written last: a folder with a run.json is a run.
            write_whole(folder / layout.RECORD, json.dumps(record.model_dump(mode="json"), indent=2).encode())
        run = Run(folder)
        run.made = made
        return run
    except BaseException:
        discard(folder, made)
        raise


def with_own_policy(folder: Path, settings: Settings) -> Settings:
    """The settings of a run for another one: the policy that trainings start from is the run's own copy."""
    if settings.policy is None:
        return settings
    copy = settings.policy.model_copy(update={"file": str((folder / layout.START).absolute())})
    return settings.model_copy(update={"policy": copy})


def discard(folder: Path, made: Sequence[Path] = ()) -> None:
    """Empty the folder of a run that never began, and remove the folders that were `made` for it and are empty."""
    mark = folder / _HALF_MADE
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.replace(folder / layout.RECORD, mark)
    for entry in sorted(folder.iterdir(), key=lambda e: e == mark) if folder.is_dir() else ():  # the mark last
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink()
    for path in made:
        with contextlib.suppress(OSError):  # never made, or another run is in it
            path.rmdir()


def task_of(folder: Path) -> LoadedTask:
    """The task of a run; where a file of it is missing, the run's copy, which only an isolated trainer runs.

    Raises:
        UserError: a file has changed, or one is missing and the copies are not what they were.
    """
    record = read_record(folder)
    name, home = Path(record.task_file), shipped_home(record.task_file)
    if not record.task_file.startswith(PREFIX) and (len(name.parts) > 1 or name.suffix):
        home = name.parent
        if home.resolve().is_relative_to(folder.resolve()):
            raise UserError(f"{folder} names a task inside itself; a run's folder is data, and its code is not run")
        if not name.is_absolute():
            raise UserError(
                f"{folder} names its task by the relative path {name}; it could be anybody's, and is not run"
            )
    missing = [source for source in record.sources if not (home / source).is_file()]
    for source, sha256 in record.sources.items():
        if source not in missing and _hash(home / source) != sha256:
            raise UserError(
                f"{home / source} was changed since the run began; restore it from {folder / layout.TASK}, or start a "
                "new run"
            )
    task = _copied(folder, record, home / missing[0]) if missing else load_task(record.task_file)
    if {os.path.relpath(source, task.path.parent) for source in task.sources()} != set(record.sources):
        raise UserError(f"{folder} does not have the hashes of all files of its task, so its code is not run")
    return task


def _copied(folder: Path, record: RunRecord, missing: Path) -> LoadedTask:
    """The run's copy of its task, of which the file `missing` is not where it was."""
    inside, above = folder.resolve() / layout.TASK, max(source.count("../") for source in record.sources)
    home = inside.joinpath(*Path(record.task_file).parts[:-1][-above:] if above else ())
    for source, sha256 in record.sources.items():
        copy = home / source
        if not copy.resolve().is_relative_to(inside) or not copy.is_file() or _hash(copy) != sha256:
            raise UserError(f"{missing} is missing, and {copy}, the run's copy, is missing or was changed; restore one")
    name = Path(record.task_file).name
    task = load_task(str(home / (name if Path(name).suffix else f"{name}.yaml")))
    return task.model_copy(update={"original": record.task_file})


LATEST, RUNS = "latest", Path("runs")


def find_run(name: str) -> Path:
    """The folder of a run: its path, `latest`, or a task's name for the latest run of it in `runs/`.

    A run that was not given by its path is named on standard error.

    Raises:
        UserError: there is none.
    """
    folder = Path(name)
    try:
        if layout.is_run(folder):
            return folder.resolve()
        there, inside = folder.exists(), folder.is_dir()
    except (OSError, ValueError) as error:
        raise UserError(f"{name[:80]!r} names no folder: {getattr(error, 'strerror', error)}") from None
    runs = [(path, *_task_and_start(path)) for path in layout.runs_below(RUNS) if layout.CONTROLS not in path.parts]
    named = [(start, path) for path, task, start in runs if name and name in (task, LATEST)]
    if named:
        print(f"run {shown(str(max(named)[1]))}", file=sys.stderr)
        return max(named)[1].resolve()
    if name == LATEST or name in shipped_tasks():
        raise UserError(f"there is no run{'' if name == LATEST else f' of {name}'} in {RUNS.absolute()}; give a path")
    what = "is a file, not a run's folder" if there and not inside else "holds no run (it has no run.json)"
    known = {LATEST, *(word for path, task, _ in runs for word in (task, str(path)))}
    what = what if there else f"does not exist{did_you_mean(name, known)}"
    raise UserError(f"{folder} {what}; give a run's folder, a task's name, or {LATEST}; to see them: eureka list")


def _task_and_start(folder: Path) -> tuple[str, float]:
    """The task of a run, empty if it is damaged, and when it began, in s since 1970."""
    try:
        task = str(json.loads((folder / layout.RECORD).read_bytes())["task"])
        journal = folder / layout.JOURNAL
        if journal.is_file() and not journal.is_symlink():  # a pipe or a device may have no end
            with open(journal, encoding="utf-8") as lines:
                if line := lines.readline(_LARGEST):
                    return task, max(0.0, float(json.loads(line)["time"]))
        return task, (folder / layout.RECORD).stat().st_mtime  # it has no event yet
    except (OSError, *_STRANGE):
        return "", 0.0


@contextlib.contextmanager
def untrusted_run(folder: Path) -> Iterator[None]:
    """Around code that reads the records of an untrusted run; raises `UserError` if they contradict each other."""
    try:
        yield
    except _STRANGE as error:
        what = " ".join(str(error).split())[:120]
        raise UserError(f"{folder} is damaged ({type(error).__name__}: {what})") from None


def _line(event: JournalEvent) -> bytes:
    return (json.dumps(event.model_dump(), allow_nan=False) + "\n").encode()


def _copies(task: LoadedTask, folder: Path) -> Iterator[tuple[Path, Path]]:
    """The files of the task, and those in the folder of its class, each with its place in the run."""
    sources = [Path(os.path.normpath(source)) for source in task.sources()]
    root = os.path.commonpath([source.parent for source in sources]) if sources else ""
    # The folder of the YAML may hold anything.
    given = isinstance(task.file, TaskFile) and not (task.shipped or task.base)
    own = given and sources[1].parent not in task.path.parents
    beside = list(itertools.islice(layout.files_below(sources[1].parent), _MOST)) if own else []
    if len(beside) == _MOST or sum(path.stat().st_size for path in beside) > _LARGEST:
        beside = []
    for source in dict.fromkeys([*sources, *beside]):
        yield source, folder / layout.TASK / source.relative_to(root)


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _take(folder: Path) -> int:
    lock = os.open(folder / layout.ORCHESTRATOR_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = _owner(lock)
        os.close(lock)
        raise RunBusy(f"{folder} is being worked on by process {owner}; wait for it, or stop it first") from None
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())
    return lock


def _take_workers(folder: Path) -> int:
    """The lock that helper processes inherit: it is free once every one of an earlier orchestrator's is gone."""
    lock = os.open(folder / layout.WORKERS_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
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
