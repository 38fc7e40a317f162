"""What a node of the cluster runs for a trainer: a Ray actor with a folder, a trainer process in it, and its frames.

Nothing here imports Ray: the driver makes the class an actor. Calls come from several threads at once.
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
from eureka.workers.cluster.channel import Pipe
from eureka.workers.cluster.transfer import PIECE, hashes, unpack
from eureka.workers.executors import started

_PREFIX, _LOCK = "eureka-host-", "lock"
_LOG_AT_ONCE = 1 << 18
"""Bytes of a log that are passed on in one answer at most; of more, the last ones."""


@dataclass(frozen=True)
class Order:
    """What is to be started."""

    task: str
    """The YAML's name, or gymnasium:ID."""
    sources: Mapping[str, str]
    """SHA-256 of each of the task's files by its place beside the YAML; nothing where there is none."""
    device: str
    threads: int
    fenced: bool


@dataclass(frozen=True)
class Places:
    """Folders of a host."""

    task: str
    inbox: str
    """For files that commands name."""
    out: str
    """For files that answers name."""


@dataclass(frozen=True)
class TrainerOutput:
    """What came from a trainer process since it was asked last."""

    frames: list[bytes]
    log: bytes
    ended: str | None
    """How it died, after its last frame."""


class TrainerActor:
    """One trainer process on this machine, and the folder that it works in."""

    def __init__(self) -> None:
        _sweep()
        self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX)).resolve()
        self._lock = os.open(self._folder / "new", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        (self._folder / "new").rename(self._folder / _LOCK)  # nobody ever sees it free
        self._inbox, self._out = self._folder / "inbox", self._folder / "scratch" / "out"
        for folder in (self._inbox, self._out):
            folder.mkdir(parents=True)
        self._log, self._read = self._folder / "trainer.log", 0
        self._said: queue.SimpleQueue[bytes | str] = queue.SimpleQueue()
        self._pipe: Pipe | None = None

    def facts(self, device: str) -> dict[str, str]:
        """What this machine's results depend on."""
        return compatibility.facts(device)

    def name(self) -> str:
        """What this machine is called."""
        return socket.gethostname()

    def has(self, sources: Mapping[str, str]) -> bool:
        """Whether these are files of tasks that came with this installation."""
        files = {name: shipped("tasks") / name for name in sources}
        return all(path.is_file() for path in files.values()) and hashes(files) == sources

    def start(self, order: Order, files: Mapping[str, bytes]) -> Places:
        """Start the trainer process; `files` are the task's, nothing where they are here already."""
        home = self._folder / "task" if files else shipped("tasks")
        unpack(files, self._folder / "task")
        task = home / order.task if order.sources else Path(order.task)
        scratch = self._folder / "scratch"
        worker = started(
            task, order.device, order.threads, order.fenced, scratch, scratch / "tmp", self._log, (self._lock,)
        )
        self._pipe = Pipe(worker, self._said.put, self._said.put)
        return Places(str(home), str(self._inbox), str(self._out))

    def take(self, wait: float) -> TrainerOutput:
        """What the trainer process said, as soon as it says something, or nothing after `wait` s."""
        frames: list[bytes] = []
        ended = None
        with contextlib.suppress(queue.Empty):
            said = self._said.get(timeout=wait)
            while True:
                if isinstance(said, str):
                    ended = said
                else:
                    frames.append(said)
                said = self._said.get_nowait()
        return TrainerOutput(frames, self._new_words(), ended)

    def send(self, command: dict[str, Any]) -> None:
        """Give it a command.

        Raises:
            Died: it is gone.
        """
        assert self._pipe is not None
        self._pipe.send(command)

    def write(self, name: str, piece: bytes, first: bool) -> None:
        """Add a piece to a file that a command will name."""
        with open(self._inbox / name, "wb" if first else "ab") as file:
            file.write(piece)

    def clear(self) -> None:
        """Drop the files of the last command."""
        for path in self._inbox.iterdir():
            path.unlink()

    def read(self, name: str, offset: int) -> bytes:
        """A piece of a file that an answer named; the last one is shorter than the others."""
        with open(self._out / name, "rb") as file:
            file.seek(offset)
            return file.read(PIECE)

    def forget(self, name: str) -> None:
        """Drop a file that was read."""
        (self._out / name).unlink(missing_ok=True)

    def kill(self) -> None:
        """End the trainer process at once."""
        if self._pipe is not None:
            self._pipe.kill()

    def end(self) -> None:
        """End the trainer process and remove the folder."""
        if self._pipe is not None:
            self._pipe.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _new_words(self) -> bytes:
        with contextlib.suppress(FileNotFoundError), open(self._log, "rb") as file:
            end = file.seek(0, os.SEEK_END)
            begin = file.seek(max(self._read, end - _LOG_AT_ONCE))
            self._read = end
            return file.read(end - begin)
        return b""


def _sweep() -> None:
    """Remove the folders of hosts that were killed: nobody, and no trainer process of theirs, holds their locks."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), open(folder / _LOCK) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
