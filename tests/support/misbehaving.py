"""A training command that misbehaves in a way that its seed chooses; 0 is good."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

variables = {"EUREKA_OUT": ".", "EUREKA_SEED": "0", "EUREKA_STEPS": "1000"} | os.environ
out, seed, steps = Path(variables["EUREKA_OUT"]), int(variables["EUREKA_SEED"]), int(variables["EUREKA_STEPS"])
progress = out / "progress.jsonl"


def line(step: int, fitness: object = 1.0, **more: object) -> str:
    return json.dumps({"step": step, "fitness": fitness, "total": 0.0, **more}) + "\n"


def write(*lines: str) -> None:
    with open(progress, "a") as file:
        file.writelines(lines)


good = line(steps // 2, 0.5, components={"near": 0.1}), line(steps, 2.0, components={"near": 0.2})


def stays() -> None:
    """Leave a process in a session of its own."""
    subprocess.Popen(["sleep", "600"], start_new_session=True)
    write(*good)


def floods() -> None:
    """Print 1 GB."""
    part = b"x" * 1_000_000 + b"\n"
    for one in good:
        for _ in range(500):
            sys.stdout.buffer.write(part)
        write(one)


def ignores_and_hangs() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.close(1)
    os.close(2)
    time.sleep(600)


def vanishes() -> None:
    for file in out.iterdir():
        file.unlink()
    out.rmdir()
    os._exit(0)


BEHAVIOURS = {
    "good": (lambda: write(*good), None),
    "silent": (lambda: None, "ended without a line in progress.jsonl"),
    "hanging": (lambda: time.sleep(600), "wrote no line to progress.jsonl for 4.00 s"),
    "killed": (lambda: os.kill(os.getpid(), 9), "the command was killed by signal 9"),
    "half a line": (lambda: write(good[0], good[1][:20]), "line 2 is not complete"),
    "not a number": (lambda: write(line(steps, float("nan"))), "line 1: fitness: input should be a finite number"),
    "wrong key": (
        lambda: write('{"step": 5, "fitnes": 1.0}\n'),
        "unknown key 'fitnes' (did you mean 'fitness'",
    ),
    "exit 3": (lambda: (print("no license"), sys.exit(3)), "ended with exit code 3; it printed last: no license"),
    "forks and stays": (stays, None),
    "floods": (floods, None),
    "too many steps": (lambda: write(line(3 * steps)), "it trained 3,000 steps, more than the 1,000 that were asked"),
    "too few steps": (lambda: write(line(10)), "it trained 10 steps of the 1,000 that were asked for"),
    "steps go back": (lambda: write(line(500), line(400)), "line 2: step 400 does not come after step 500"),
    "not JSON": (lambda: write("step 1 fitness 2\n"), "line 1 is not a JSON object"),
    "a list": (lambda: write("[1, 2]\n"), "line 1: input should be an object"),
    "infinite component": (lambda: write(line(9, 1.0, components={"a": 1e999})), "components.a: input should be a fin"),
    "hostile component": (lambda: write(line(9, 1.0, components={"a\nb": 1.0})), "should match pattern"),
    "text": (lambda: write(line(9, "high")), "line 1: fitness: input should be a valid number"),
    "crashes": (lambda: os.kill(os.getpid(), signal.SIGSEGV), "the command was killed by signal 11"),
    "vanishes": (vanishes, "ended without a line in progress.jsonl"),
    "a folder": (lambda: progress.mkdir(), "progress.jsonl: it is not a regular file"),
    "a pipe": (lambda: os.mkfifo(progress), "progress.jsonl: it is not a regular file"),
    "a device": (lambda: progress.symlink_to("/dev/zero"), "progress.jsonl: it is not a regular file"),
    "a long line": (lambda: write("x" * 2_000_000), "line 1 is longer than 1 MB"),
    "a large file": (lambda: write(*["x" * 999_999 + "\n"] * 70), "progress.jsonl:"),
    "ignores and hangs": (ignores_and_hangs, "wrote no line to progress.jsonl for 4.00 s"),
    "raises": (lambda: 1 / 0, "ZeroDivisionError: division by zero"),
    "prints bytes": (lambda: (os.write(1, b"\xff\x1b[2J\0 bad \n"), sys.exit(1)), "exit code 1"),
}
"""What it does, and what the failure says; None if the training counts."""

if __name__ == "__main__":
    [*BEHAVIOURS.values()][seed][0]()
