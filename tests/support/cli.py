"""The command line as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Cli = Callable[..., subprocess.CompletedProcess[str]]


SMALL = ("--generations", 2, "--samples", 3, "--envs", 32, "--steps", 12_288)


EUREKA = str(Path(sys.executable).parent / "eureka")


KEY = "sk-decoy-4477"


def recorded(folder: Path) -> list[dict[str, Any]]:
    """The whole lines of a run's journal, as JSON; none if it has no journal yet."""
    path = folder / "events.jsonl"
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


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
        if any(e["event"] == kind for e in recorded(folder)):
            return
        time.sleep(0.05)
    raise AssertionError(f"no {kind} within a minute")
