"""Processes of the commands that a user's task names, found by what is in their environment."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

MARK = "EUREKA_OUT"
"""Environment variable with the output folder of a training command."""


def end_left_behind(folder: Path) -> None:
    """Kill processes that a command with this output folder, or one below it, left behind."""
    mark = f"{MARK}={folder}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):  # another user's, or gone
            variables = (entry / "environ").read_bytes().split(b"\0")
            if any(v == mark or v.startswith(mark + b"/") for v in variables):
                os.kill(int(entry.name), signal.SIGKILL)
