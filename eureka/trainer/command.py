"""One run of the user's training command: its process, its output and what it reports."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from eureka.runs import layout
from eureka.runs.progress import PROGRESS, ProgressLine, ProgressReader
from eureka.system import die_with_parent
from eureka.system.processes import MARK, end_left_behind
from eureka.text import number, plain

_OUTPUT = "output.log"
_KEPT = 32_768  # bytes of the beginning and of the end of what a command prints
_LONGEST = 200  # characters of a line in a message
_POLL = 0.1  # s
_LINES = 3  # of the end of it in a message
_TOO_FEW, _TOO_MANY = 0.9, 1.01  # steps done, as a share of those asked for
_GRACE = 3.0  # s between SIGTERM and SIGKILL


class CommandRun:
    """A training by a command, in a folder of its own; `finished` and `problem` say what became of it."""

    def __init__(self, folder: Path, steps: int, timeout: float):
        """Read what is in the folder, which an earlier process may have left.

        Args:
            folder: of the output.
            steps: that the command is asked for.
            timeout: s without a new line of progress.
        """
        self.folder, self.steps, self._timeout = folder, steps, timeout
        self._reader = ProgressReader(folder / PROGRESS)
        self._process: subprocess.Popen[bytes] | None = None
        self._printed = _Printed()
        self._paused = False
        self._heard = 0.0
        self.finished = False
        self.problem: str | None = None
        self._take_end()

    @property
    def lines(self) -> list[ProgressLine]:
        """What it has reported so far."""
        return self._reader.lines

    @property
    def running(self) -> bool:
        return self._process is not None and not self._paused

    def start(self, arguments: Sequence[str], cwd: Path, variables: Mapping[str, str]) -> None:
        """Start the command, or let it go on after `pause`."""
        self._heard = time.monotonic()
        if self._paused:
            self._paused = False
            self._signal(signal.SIGCONT)
            return
        shutil.rmtree(self.folder / PROGRESS, ignore_errors=True)
        (self.folder / PROGRESS).unlink(missing_ok=True)  # of a run that was cut short
        self._reader = ProgressReader(self.folder / PROGRESS)
        try:
            self._process = subprocess.Popen(
                die_with_parent.command(arguments),
                cwd=cwd,
                env={**variables, MARK: str(self.folder)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            self._end(f"the command cannot be started in {cwd}: {error.strerror}")
            return
        self._printed.follow(self._process)

    def wait(self, timeout: float) -> str | None:
        """Wait for the end of a command that trains nothing; what went wrong, if anything did."""
        begun = time.monotonic()
        while self._process is not None and self._process.poll() is None and time.monotonic() - begun < timeout:
            time.sleep(_POLL)
        if self._process is not None:
            code = self._process.poll()
            problem = f"did not end within {number(timeout)} s" if code is None else _how_it_ended(code)
            self._end(problem)
        return self.problem

    def poll(self) -> None:
        """Read new progress, and see whether the command has ended."""
        if self.finished or self._process is None:
            return
        code = self._process.poll()
        try:
            if self._reader.read():
                self._heard = time.monotonic()
        except ValueError as error:
            self._end(f"{PROGRESS}: {error}")
            return
        last = self.lines[-1].step if self.lines else 0
        if last > _TOO_MANY * self.steps:
            self._end(
                f"it trained {last:,} steps, more than the {self.steps:,} that were asked for and {_TOO_MANY - 1:.0%}"
            )
        elif code is not None:
            self._end(self._problem_at_end(code, last))
        elif not self._paused and time.monotonic() - self._heard > self._timeout:
            self._end(f"it wrote no line to {PROGRESS} for {number(self._timeout)} s, and was ended")

    def pause(self) -> None:
        """Let it wait, at a rung of a race."""
        if self.running:
            self._paused = True
            self._signal(signal.SIGSTOP)

    def fail(self, problem: str) -> None:
        """Record that it cannot be run."""
        self._end(problem)

    def terminate(self) -> None:
        """Ask it to end."""
        if self._process is not None and self._process.poll() is None:
            self._signal(signal.SIGTERM)
            self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End all its processes, after a time in which it may end by itself."""
        self.terminate()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE)
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
            self._process = None
        end_left_behind(self.folder)
        self._printed.close()

    def _signal(self, number: int) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def _problem_at_end(self, code: int, last: int) -> str | None:
        if code:
            return f"the command {_how_it_ended(code)}"
        try:
            self._reader.end()
        except ValueError as error:
            return f"{PROGRESS}: {error}"
        if not self.lines:
            return f"the command ended without a line in {PROGRESS}"
        if last < _TOO_FEW * self.steps:
            return f"it trained {last:,} steps of the {self.steps:,} that were asked for, less than {_TOO_FEW:.0%}"
        return None

    def _end(self, problem: str | None) -> None:
        """Record how it ended, so that it is not run again after an interruption."""
        self.kill()
        self.folder.mkdir(parents=True, exist_ok=True)  # the command may have removed it
        (self.folder / _OUTPUT).write_bytes(self._printed.text)
        if problem and (said := self._printed.last_lines()):
            problem = f"{problem}; it printed last: {said}"
        unfinished = self.folder / f"{layout.ENDED}.tmp"
        unfinished.write_text(json.dumps({"problem": problem}))
        unfinished.replace(self.folder / layout.ENDED)
        self.finished, self.problem = True, problem

    def _take_end(self) -> None:
        """What an earlier process has recorded of it."""
        with contextlib.suppress(OSError, ValueError, KeyError):
            problem = json.loads((self.folder / layout.ENDED).read_text())["problem"]
            if problem is None:
                self._reader.read()
                self._reader.end()
            self.finished, self.problem = True, problem


def _how_it_ended(code: int) -> str | None:
    if not code:
        return None
    return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"


class _Printed:
    """The beginning and the end of what a command prints; all of it is read, so that the command does not wait."""

    def __init__(self) -> None:
        self._first, self._last, self._count = bytearray(), bytearray(), 0
        self._thread: threading.Thread | None = None

    def follow(self, process: subprocess.Popen[bytes]) -> None:
        def read() -> None:
            assert process.stdout is not None
            with process.stdout as stream:
                while part := os.read(stream.fileno(), 1 << 16):
                    self._count += len(part)
                    self._first += part[: _KEPT - len(self._first)]
                    self._last += part
                    del self._last[:-_KEPT]

        self._thread = threading.Thread(target=read, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait for the end of the output."""
        if self._thread is not None:
            self._thread.join(timeout=2.0)

    @property
    def text(self) -> bytes:
        if self._count <= _KEPT:
            return bytes(self._first)
        missing = self._count - len(self._first) - len(self._last)
        between = f"\n... {missing} bytes left out ...\n".encode() if missing > 0 else b""
        return bytes(self._first) + between + bytes(self._last[max(0, -missing) :])

    def last_lines(self) -> str:
        lines = [line.strip() for line in plain(self._last.decode("utf-8", "replace")).splitlines() if line.strip()]
        return " / ".join(line[:_LONGEST] for line in lines[-_LINES:])
