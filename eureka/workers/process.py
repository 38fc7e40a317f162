"""Starting the two helper processes and talking to them: explicit environments, framed JSON, no shell.

A worker is started by exec in a session of its own, so that a terminal's Ctrl-C reaches only the orchestrator. It
inherits nothing but three pipes and the run's worker lock, and ends when its input does.
"""

from __future__ import annotations

import json
import os
import select
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from eureka.errors import WorkerFault

_PASSED = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "LD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES",
    "WARP_CACHE_PATH",
    "MUJOCO_GL",
    "CXX",
)
"""Variables that workers may see; every other one, and so every key, stays with the orchestrator."""


def environment() -> dict[str, str]:
    """What workers get for an environment."""
    passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
    # One thread an operation: a population's members, not the rows of one product, are spread over threads, and the
    # fork server must have a single thread.
    single = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    # MKL may choose a kernel by the alignment of a matrix, so that a member's bits would depend on its place among
    # the others; strict conditional numerical reproducibility forbids that. torch's compiler would keep a pool of
    # processes.
    return passed | single | {"MKL_CBWR": "AUTO,STRICT", "TORCHINDUCTOR_COMPILE_THREADS": "1"}


class Died(Exception):
    """A worker's output ended; `reason` says how it died."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


class Worker:
    """A helper process and its pipes."""

    def __init__(
        self,
        arguments: Sequence[str],
        log: Path,
        keep: Sequence[int] = (),
        cwd: Path | None = None,
        more: Mapping[str, str] | None = None,
    ):
        """Start `python ARGUMENTS`.

        Args:
            arguments: after the interpreter.
            log: file that its standard error is appended to.
            keep: descriptors that it inherits.
            cwd: its working folder, and the one for its temporary files.
            more: variables for its environment.
        """
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
        """Write one frame, and take in what the worker says meanwhile: with both pipes full, both would wait.

        Raises:
            Died: the worker is gone.
        """
        view = memoryview(_framed(message))
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
        """The next frame, or None when `timeout` seconds pass without one.

        Raises:
            Died: the worker is gone and all its frames were taken.
        """
        frame = self._next(timeout)
        return None if frame is None else json.loads(frame)

    def receive_bytes(self) -> bytes:
        """The next frame, which may be anything.

        Raises:
            Died: the worker is gone and all its frames were taken.
        """
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
        return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"

    def kill(self) -> None:
        """End the worker at once."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End the worker: first by ending its input, after two seconds by a kill."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue  # unsent frames to a dead worker
        try:
            self.process.wait(timeout=2.0)
        except subprocess.TimeoutExpired:
            self.kill()


def frames(descriptor: int) -> Iterator[dict[str, Any]]:
    """The frames that come in, until the input ends; the worker's side of `Worker.send`."""
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
    """Send one frame; the worker's side of `Worker.receive`."""
    view = memoryview(_framed(message))
    while view:
        view = view[os.write(descriptor, view) :]


def _framed(message: dict[str, Any]) -> bytes:
    data = json.dumps(message).encode()
    return struct.pack("!I", len(data)) + data


def last_words(log: Path) -> str:
    """The last line that a worker wrote to its log, for an error message."""
    try:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    except OSError:
        return ""
    return f": {lines[-1].strip()[:300]}" if lines else ""


def give_up(what: str, reason: str, log: Path) -> WorkerFault:
    """The error for a worker that cannot be kept alive."""
    return WorkerFault(f"the {what} {reason} again and again{last_words(log)}")
