"""Run a command that the kernel ends when the process that started it ends; see `command`.

It runs as a program of its own. `preexec_fn` of `subprocess` would fork the caller, which fails where the caller's
memory cannot be promised twice, and is unsafe beside threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1
_NOT_FOUND, _NOT_STARTED = 127, 126  # as a shell's exit codes


def command(arguments: Sequence[str]) -> list[str]:
    """Arguments that start `arguments` so; where it cannot be started, it says so and the exit code is 126 or 127."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *arguments]


def _main(parent: int, arguments: list[str]) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it has ended meanwhile
        sys.exit(_NOT_STARTED)
    try:
        os.execvp(arguments[0], arguments)  # noqa: S606
    except OSError as error:
        sys.stderr.write(f"{arguments[0]} cannot be started: {error.strerror}\n")
        sys.exit(_NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_STARTED)


if __name__ == "__main__":
    _main(int(sys.argv[1]), sys.argv[2:])
