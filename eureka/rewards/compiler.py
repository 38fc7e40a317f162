"""The host's side of the sandbox: compiles the source text of candidates to reward programs."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from eureka.errors import SandboxUnavailable
from eureka.runs.candidate import Failed
from eureka.system.paths import shipped
from eureka.workers.isolation import IsolationPolicy, Sandbox
from eureka.workers.process import Died, Worker, give_up, last_line

_RESTARTS = 3
_LARGEST_SOURCE = 200_000
KeyT = TypeVar("KeyT", int, str)
Fields = Mapping[str, tuple[Sequence[int], str]]  # State fields by name: shape without N, and dtype


class Compiler:
    """The compiler process; restarted if it dies, which a candidate cannot cause."""

    def __init__(self, isolation: IsolationPolicy, log: Path, keep: Sequence[int] = ()):
        """Start the process.

        Args:
            isolation: the required isolation of candidates.
            log: file for its messages.
            keep: descriptors that it inherits (the run's lock).
        """
        self._level, self._log, self._keep = isolation.level, log, keep
        self._sandbox: Sandbox | None = None
        self._worker = self._start()

    def _start(self) -> Worker:
        server = shipped("sandbox") / "server.py"
        return Worker(["-P", str(server), self._level], self._log, self._keep)

    @property
    def sandbox(self) -> Sandbox:
        """The isolation in effect; waits for the self-test of the jail.

        Raises:
            SandboxUnavailable: the jail could not be built, or a forbidden action succeeded in it.
        """
        deaths = 0
        while self._sandbox is None:
            try:
                hello = self._worker.receive()
            except Died as death:
                deaths += 1
                if deaths > _RESTARTS:
                    raise SandboxUnavailable(
                        f"sandbox unavailable: its process {death}{last_line(self._log)}"
                    ) from None
                self._worker.close()
                self._worker = self._start()
                continue
            assert hello is not None
            if "error" in hello:
                raise SandboxUnavailable(
                    f"sandbox unavailable: {hello['error']}. It needs Linux with seccomp filters (this is "
                    f"{platform.system()} {platform.release()}); to accept weaker isolation, use --sandbox container "
                    "(docs/sandbox.md)"
                )
            self._sandbox = Sandbox(level=hello["hello"], landlock=hello["landlock"], through=hello["through"])
        return self._sandbox

    def compile(self, sources: Mapping[KeyT, str], fields: Fields) -> Iterator[tuple[KeyT, str | Failed]]:
        """Compile several texts in parallel.

        Args:
            sources: Python text by key.
            fields: the available state fields.

        Yields:
            Each key once, in order of completion, with the program's JSON or the failure.
        """
        waiting = dict(sources)
        for key, source in sources.items():
            if len(source) > _LARGEST_SOURCE:
                del waiting[key]
                message = f"the code has {len(source)} characters; {_LARGEST_SOURCE} are allowed"
                yield key, Failed(stage="compile", message=message)
        restarts = 0
        while waiting:
            try:
                _ = self.sandbox
                order = list(waiting)
                for identity, key in enumerate(order):
                    self._worker.send({"id": identity, "source": waiting[key], "fields": dict(fields)})
                for _ in range(len(order)):
                    answer = self._worker.receive()
                    assert answer is not None
                    if "error" in answer:
                        raise Died(f"failed ({answer['error']})")
                    key = order[answer["id"]]
                    if "answered" in answer:
                        answer = read_answer(self._worker.receive_bytes())
                    del waiting[key]
                    yield key, verdict(answer)
            except Died as death:
                # A candidate can end only its own child process, so the server's death is not its fault.
                restarts += 1
                if restarts > _RESTARTS:
                    raise give_up("compiler", death.reason, self._log) from None
                self._worker.close()
                self._sandbox = None
                self._worker = self._start()

    def close(self) -> None:
        """End the process."""
        self._worker.close()


def read_answer(output: bytes) -> dict[str, Any]:
    """Parse the output of a candidate's process, which is untrusted: only fields of an answer are kept."""
    try:
        data = json.loads(output)
        if isinstance(data.get("program"), str):
            return {"program": data["program"]}
        line = data.get("line")
        return {"refused": str(data["refused"]), "line": line if type(line) is int else None}
    except (ValueError, LookupError, AttributeError, RecursionError):
        return {"refused": "the reward disturbed the compiler and gave no answer", "line": None}


def verdict(answer: dict[str, Any]) -> str | Failed:
    """The program or the failure in an answer of the server or of `read_answer`."""
    if "program" in answer:
        return answer["program"]
    if "killed" in answer:
        return Failed(stage="compile", message=answer["killed"], machine=True)
    return Failed(stage="compile", message=answer["refused"], line=answer["line"])
