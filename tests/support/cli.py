"""The command line as a user runs it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from eureka.runs.store import read_events

Cli = Callable[..., subprocess.CompletedProcess[str]]


SMALL = ("--generations", 2, "--samples", 3, "--envs", 32, "--steps", 12_288)


EUREKA = str(Path(sys.executable).parent / "eureka")


KEY = "sk-decoy-4477"


def workers(folder: Path) -> dict[str, int]:
    """The living processes that work on a run, by what they are."""
    found = {}
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            command = (process / "cmdline").read_bytes().decode().split("\0")
            inherited = any(fd.readlink() == (folder / "workers.lock").resolve() for fd in (process / "fd").iterdir())
        except OSError:
            continue
        if not inherited:
            continue
        kind = next((k for k in ("trainer.service", "server.py") if any(k in c for c in command)), "orchestrator")
        found[{"trainer.service": "trainer", "server.py": "compiler"}.get(kind, kind)] = int(process.name)
    return found


def wait_for_event(folder: Path, kind: str, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if (folder / "events.jsonl").exists() and any(e["event"] == kind for e in read_events(folder)[0]):
            return
        time.sleep(0.05)
    raise AssertionError(f"no {kind} within a minute")
