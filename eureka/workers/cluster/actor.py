"""The Ray actor on a node: a folder, a trainer process that works in it, and its frames.

This module does not import Ray: the driver process makes the class an actor. Methods are called from several threads.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import queue
import shutil
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eureka.system.paths import shipped
from eureka.workers.cluster import compatibility
from eureka.workers.cluster.channel import Channel
from eureka.workers.cluster.transfer import PART, hashes, unpack
from eureka.workers.executors import start_trainer

_PREFIX, _LOCK = "eureka-actor-", "lock"
_MAX_LOG = 1 << 18  # maximum size of the log in one `TrainerOutput`, bytes; older lines are dropped


@dataclass(frozen=True)
class StartOptions:
    """How to start a trainer process."""

    task: str  # file name of the YAML, or `gymnasium:ID`
    sources: Mapping[str, str]  # SHA-256 by path relative to the YAML; empty for `gymnasium:ID`
    device: str
    threads: int
    fenced: bool


@dataclass(frozen=True)
class Folders:
    """Folders of an actor."""

    task: str
    inbox: str  # for input files of commands
    out: str  # for output files of the trainer process


@dataclass(frozen=True)
class TrainerOutput:
    """New output of a trainer process."""

    frames: list[bytes]
    log: bytes
    ended: str | None  # how the process died, after its last frame; None while it runs


class TrainerActor:
    """A trainer process on this machine, and its folder."""

    def __init__(self) -> None:
        _remove_abandoned()
        self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX)).resolve()
        self._lock = os.open(self._folder / "new", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        (self._folder / "new").rename(self._folder / _LOCK)  # never visible while unlocked
        self._inbox, self._out = self._folder / "inbox", self._folder / "scratch" / "out"
        for folder in (self._inbox, self._out):
            folder.mkdir(parents=True)
        self._log, self._log_end = self._folder / "trainer.log", 0
        self._output: queue.SimpleQueue[bytes | str] = queue.SimpleQueue()
        self._channel: Channel | None = None

    def facts(self, device: str) -> dict[str, str]:
        return compatibility.facts(device)

    def name(self) -> str:
        return socket.gethostname()

    def has(self, sources: Mapping[str, str]) -> bool:
        """Whether this installation contains these files as shipped tasks."""
        files = {name: shipped("tasks") / name for name in sources}
        return all(path.is_file() for path in files.values()) and hashes(files) == sources

    def start(self, options: StartOptions, files: Mapping[str, bytes]) -> Folders:
        """Start the trainer process; `files` are those of the task, or empty for a shipped task."""
        home = self._folder / "task" if files else shipped("tasks")
        unpack(files, self._folder / "task")
        task = home / options.task if options.sources else Path(options.task)
        scratch = self._folder / "scratch"
        worker = start_trainer(
            task, options.device, options.threads, options.fenced, scratch, scratch / "tmp", self._log, (self._lock,)
        )
        self._channel = Channel(worker, self._output.put, self._output.put)
        return Folders(str(home), str(self._inbox), str(self._out))

    def take(self, wait: float) -> TrainerOutput:
        """New output of the trainer process; waits up to `wait` s for it."""
        frames: list[bytes] = []
        ended = None
        with contextlib.suppress(queue.Empty):
            item = self._output.get(timeout=wait)
            while True:
                if isinstance(item, str):
                    ended = item
                else:
                    frames.append(item)
                item = self._output.get_nowait()
        return TrainerOutput(frames, self._new_log(), ended)

    def send(self, command: dict[str, Any]) -> None:
        assert self._channel is not None
        self._channel.send(command)

    def write(self, name: str, part: bytes, first: bool) -> None:
        """Write a part of an input file."""
        with open(self._inbox / name, "wb" if first else "ab") as file:
            file.write(part)

    def clear(self) -> None:
        """Remove the input files of the last command."""
        for path in self._inbox.iterdir():
            path.unlink()

    def read(self, name: str, offset: int) -> bytes:
        """A part of an output file; the last part is shorter than the others."""
        with open(self._out / name, "rb") as file:
            file.seek(offset)
            return file.read(PART)

    def remove(self, name: str) -> None:
        (self._out / name).unlink(missing_ok=True)

    def kill(self) -> None:
        if self._channel is not None:
            self._channel.kill()

    def end(self) -> None:
        """End the trainer process and remove the folder."""
        if self._channel is not None:
            self._channel.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _new_log(self) -> bytes:
        with contextlib.suppress(FileNotFoundError), open(self._log, "rb") as file:
            end = file.seek(0, os.SEEK_END)
            begin = file.seek(max(self._log_end, end - _MAX_LOG))
            self._log_end = end
            return file.read(end - begin)
        return b""


def _remove_abandoned() -> None:
    """Remove the folders of actors that were killed: no actor and no trainer process holds their locks."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), open(folder / _LOCK) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
