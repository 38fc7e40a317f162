"""The command line: in this process, and as a user runs it."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from support.events import events_of

from eureka.__main__ import main

Done = subprocess.CompletedProcess[str]
Cli = Callable[..., Done]
"""Called with the arguments behind `eureka`; `cwd` and variables of the environment by name."""

SMALL = (
    *("--generations", 2, "--samples", 3, "--envs", 64, "--steps", 16_384),
    *("--racing", "0.5:0.7", "--search-seeds", 2, "--validation", "2x1", "--seeds", 2),
)
"""The size of the recorded run: a search with a rung, two trainings of those that pass it, and two finalists.

Eight iterations of learning are enough for equal bits; fewer steps would leave one checkpoint.
"""
EUREKA = str(Path(sys.executable).parent / "eureka")
KEY = "sk-decoy-4477"


def without_keys() -> dict[str, str]:
    """The environment without keys, and with a folder of user settings that does not exist."""
    kept = {k: v for k, v in os.environ.items() if not k.endswith(("_KEY", "_TOKEN"))}
    return kept | {"XDG_CONFIG_HOME": "/nonexistent"}


def in_process(arguments: tuple[object, ...], cwd: Path, variables: dict[str, str]) -> Done:
    """`main` with its output, in a folder and an environment of its own."""
    out, err = io.StringIO(), io.StringIO()
    given = [str(a) for a in arguments]
    with (
        contextlib.chdir(cwd),
        mock.patch.dict(os.environ, without_keys() | variables, clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = main(given)
    return subprocess.CompletedProcess(given, code, out.getvalue(), err.getvalue())


def run_command(arguments: tuple[object, ...], cwd: Path, variables: dict[str, str], timeout: float = 500) -> Done:
    """A process of its own, as a user starts it."""
    return subprocess.run(
        [EUREKA, *map(str, arguments)], cwd=cwd, env=without_keys() | variables,
        capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip


def start_command(*arguments: object, cwd: Path, prefix: tuple[str, ...] = (EUREKA,)) -> subprocess.Popen[str]:
    """A process of its own in a session of its own, to be interrupted or killed; its output is captured."""
    return subprocess.Popen(
        [*prefix, *map(str, arguments)], cwd=cwd, env=without_keys(), start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def sentence(done: Done, code: int = 2) -> str:
    """What a failed command said: one line on standard error, no traceback."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: "), done.stderr
    return lines[0]


def once(folder: Path, build: Callable[[Path], None]) -> Path:
    """A folder that is built by the first of several test processes that asks for it, and read by all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            half = folder.with_suffix(".half")
            half.mkdir()
            build(half)
            half.rename(folder)
    return folder


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
        if events_of(folder, kind):
            return
        time.sleep(0.05)
    raise AssertionError(f"no {kind} within a minute")
