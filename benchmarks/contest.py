"""Learners and environments in processes of their own, asked for one iteration after another.

    python benchmarks/contest.py '{"kind": "sb3", ...}'

is such a process. It answers each line of JSON on its input with one on its output, and ends when its input does. While
it is not asked, it waits, so that learners can be measured in turns.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Protocol

from record import peak_mib

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


class Contestant:
    """The parent's side of a learner."""

    def __init__(self, name: str, **arguments: Any):
        """Start the learner of this `kind` with its other arguments; the first question waits until it stands."""
        self.name, self.arguments = name, arguments
        # A learner that wants more threads in torch sets them itself.
        self._process = subprocess.Popen(
            [sys.executable, __file__, json.dumps(arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | _ONE_THREAD,
            text=True,
        )
        self._hello: dict[str, Any] | None = None
        self.memory_mib = 0
        """Its peak so far."""

    @property
    def steps(self) -> int:
        """Env-steps of an iteration."""
        if self._hello is None:
            self._hello = self._receive()
        return self._hello["steps"]

    def ask(self, **command: Any) -> dict[str, Any]:
        """The answer to one command."""
        self.tell(**command)
        return self.answer()

    def tell(self, **command: Any) -> None:
        """Send a command without waiting for its answer, which `answer` takes."""
        _ = self.steps
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """The answer to what was told."""
        return self._receive()

    def iterate(self, count: int = 1) -> dict[str, float]:
        """Seconds by part of `count` iterations."""
        return self.ask(iterate=count)["seconds"]

    def rate(self, count: int = 1) -> float:
        """Env-steps a second of `count` iterations."""
        return count * self.steps / self.iterate(count)["total"]

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"error: {self.name} ended with exit code {self._process.wait()}; see above")
        answer = json.loads(line)
        self.memory_mib = answer["memory_mib"]
        return answer

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Contestant:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Learner(Protocol):
    """Something that trains one policy."""

    steps: int
    """Env-steps of an iteration."""

    def iterate(self) -> dict[str, float]:
        """Collect one rollout and learn from it; seconds by part, and in `total`."""
        ...

    def mean_return(self) -> float | None:
        """Mean undiscounted return of the last 100 training episodes, None before there are so many."""
        ...

    def close(self) -> None:
        """End what it started."""
        ...


def _learner(kind: str, arguments: dict[str, Any]) -> Any:
    match kind:
        case "ours":
            from peers.ours import Ours as Chosen
        case "rsl":
            from peers.ours import Rsl as Chosen
        case "profiled":
            from overhead import Profiled as Chosen
        case "whole":
            from population import Whole as Chosen
        case "bare":
            from peers.ours import Bare as Chosen
        case "sb3":
            from peers.sb3 import Sb3 as Chosen
        case "our worlds":
            from peers.stepping import OurWorlds as Chosen
        case "gymnasium's worlds":
            from peers.stepping import GymnasiumWorlds as Chosen
        case _:
            raise ValueError(f"no learner {kind}")
    return Chosen(**arguments)


def _answer(learner: Any, command: dict[str, Any]) -> dict[str, Any]:
    if "step" in command:
        return learner.step(command["step"])
    if "train" in command:
        return {"seconds": learner.train(command["train"], command.get("iterations"))}
    if "iterate" in command:
        totals: dict[str, float] = {}
        for _ in range(command["iterate"]):
            for part, seconds in learner.iterate().items():
                totals[part] = totals.get(part, 0.0) + seconds
        return {"seconds": totals, "return": learner.mean_return()}
    return _until(learner, command["until"], command["limit"])


def _until(learner: Learner, goal: float, limit: float) -> dict[str, Any]:
    """Train until the mean return of the last 100 episodes reaches `goal`, or for `limit` s."""
    begun, steps, curve = time.perf_counter(), 0, []
    while True:
        learner.iterate()
        steps += learner.steps
        seconds, mean = time.perf_counter() - begun, learner.mean_return()
        curve.append([round(seconds, 2), steps, mean])
        reached = mean is not None and mean >= goal
        if reached or seconds > limit:
            return {"reached": reached, "seconds": seconds, "steps": steps, "curve": curve}


def main() -> None:
    """Serve until the input ends."""
    arguments = json.loads(sys.argv[1])
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer

    def send(content: dict[str, Any]) -> None:
        out.write(json.dumps(content | {"memory_mib": peak_mib()}) + "\n")
        out.flush()

    learner = _learner(arguments.pop("kind"), arguments)
    send({"steps": learner.steps})
    for line in sys.stdin:
        send(_answer(learner, json.loads(line)))
    learner.close()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
