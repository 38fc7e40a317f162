"""Helper processes: started with explicit environments, connected by frames of JSON.

A worker has a new session, so that Ctrl-C in a terminal reaches only the orchestrator. It ends when its input does.
"""

from __future__ import annotations

import json
import os
import select
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from eureka.errors import WorkerFault
from eureka.system.hardware import oom_kills
from eureka.system.paths import CALLED_FROM

_INHERITED = (
    "PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES", "WARP_CACHE_PATH", "MUJOCO_GL", "CXX",
)  # fmt: skip  # others are withheld, API keys among them


def environment() -> dict[str, str]:
    """The environment of workers."""
    passed = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    passed[CALLED_FROM] = str(Path.cwd())
    if modules := passed.get("PYTHONPATH"):  # an empty entry is the current folder
        passed["PYTHONPATH"] = os.pathsep.join(str(Path(entry).absolute()) for entry in modules.split(os.pathsep))
    # One thread per operation: threads are used for the members of a population, not for the rows of one product.
    # The fork server must have a single thread.
    single = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    # MKL may choose a kernel by the alignment of a matrix: a member's bits would depend on its position in the
    # population. Strict conditional numerical reproducibility prevents that. torch's compiler must not keep a pool of
    # processes.
    return passed | single | {"MKL_CBWR": "AUTO,STRICT", "TORCHINDUCTOR_COMPILE_THREADS": "1"}


class Died(Exception):
    """A worker died. `reason` is a predicate such as `was killed by signal 9`."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


class Worker:
    """A helper process; an `eureka.workers.executors.Connection`."""

    def __init__(
        self,
        arguments: Sequence[str],
        log: Path,
        keep: Sequence[int] = (),
        cwd: Path | None = None,
        more: Mapping[str, str] | None = None,
    ):
        """Start `python ARGUMENTS` in folder `cwd`, also for temporary files; it inherits the descriptors `keep`."""
        self._oom_kills = oom_kills()
        with open(log, "ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment() | ({"TMPDIR": str(cwd)} if cwd else {}) | dict(more or {}),
                pass_fds=tuple(keep),
                start_new_session=True,
                cwd=cwd,
            )
        assert self.process.stdin is not None and self.process.stdout is not None
        self._to, self._from = self.process.stdin.fileno(), self.process.stdout.fileno()
        os.set_blocking(self._to, False)
        self._inbox = bytearray()

    def send(self, message: dict[str, Any]) -> None:
        # Reads meanwhile: if both pipes are full, both processes would wait.
        view = memoryview(_frame(message))
        while view:
            readable, writable, _ = select.select([self._from], [self._to], [])
            if readable:
                self._take()
            if writable:
                try:
                    view = view[os.write(self._to, view) :]
                except BrokenPipeError:
                    raise Died(self._reason()) from None

    def receive(self, timeout: float | None = None) -> dict[str, Any] | None:
        frame = self._next(timeout)
        return None if frame is None else json.loads(frame)

    def receive_bytes(self) -> bytes:
        """The next frame, not decoded; raises `Died` after the last one."""
        frame = self._next(None)
        assert frame is not None
        return frame

    def _next(self, timeout: float | None) -> bytes | None:
        while True:
            if len(self._inbox) >= 4:
                (size,) = struct.unpack_from("!I", self._inbox)
                if len(self._inbox) >= 4 + size:
                    frame = bytes(self._inbox[4 : 4 + size])
                    del self._inbox[: 4 + size]
                    return frame
            if not select.select([self._from], [], [], timeout)[0]:
                return None
            self._take()

    def _take(self) -> None:
        part = os.read(self._from, 1 << 20)
        if not part:
            raise Died(self._reason())
        self._inbox += part

    def _reason(self) -> str:
        code = self.process.wait()
        if code == -signal.SIGKILL and oom_kills() > self._oom_kills:
            return "ran out of memory and was ended by the system"
        return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """Close the worker's input, and kill it if it does not end within two seconds."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue  # unsent frames of a dead worker
        try:
            self.process.wait(timeout=2.0)
        except subprocess.TimeoutExpired:
            self.kill()


def frames(descriptor: int) -> Iterator[dict[str, Any]]:
    """Frames from a descriptor until its end; the worker's counterpart of `Worker.send`."""
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        while True:
            head = file.read(4)
            if len(head) < 4:
                return
            (size,) = struct.unpack("!I", head)
            body = file.read(size)
            if len(body) < size:
                return
            yield json.loads(body)


def write_frame(descriptor: int, message: dict[str, Any]) -> None:
    """Write one frame; the worker's counterpart of `Worker.receive`."""
    view = memoryview(_frame(message))
    while view:
        view = view[os.write(descriptor, view) :]


def _frame(message: dict[str, Any]) -> bytes:
    data = json.dumps(message).encode()
    return struct.pack("!I", len(data)) + data


def last_line(log: Path) -> str:
    """The last line of a log as `: LINE`, for an error message; empty if there is none."""
    try:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    except OSError:
        return ""
    return f": {lines[-1].strip()[:300]}" if lines else ""


def give_up(what: str, reason: str, log: Path) -> WorkerFault:
    """The error for a worker that died in every attempt."""
    return WorkerFault(f"the {what} {reason} in every attempt{last_line(log)}")
