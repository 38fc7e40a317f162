"""The host's side of the sandbox: candidates' texts go in, programs or reasons come out."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, Field

from eureka.candidate import Failed
from eureka.errors import SandboxUnavailable, UserError
from eureka.paths import shipped
from eureka.workers import Died, Worker, give_up, last_words

LEVELS = ("auto", "strict", "strict-noland", "container", "none")
"""What `--sandbox` accepts; `auto` takes the best of the first two real ones and no other."""
_RESTARTS = 3
_LARGEST_SOURCE = 200_000
KeyT = TypeVar("KeyT", int, str)
Fields = Mapping[str, tuple[Sequence[int], str]]
"""State fields by name: shape without N, and dtype."""


class Sandbox(BaseModel):
    """What the jail is worth on this machine."""

    level: str = Field(description="strict, strict-noland, container or none")
    landlock: int = Field(description="Landlock ABI in force, 0 for none")
    through: list[str] = Field(description="forbidden acts that got through; empty for the strict levels")

    def __str__(self) -> str:
        match self.level:
            case "strict":
                return f"strict: seccomp, landlock {self.landlock}, limits"
            case "strict-noland":
                return "strict-noland: seccomp, limits"
            case _:
                return f"{self.level}: limits only; a reward can {', '.join(self.through)}"


def check_level(level: str) -> None:
    """Refuse a `--sandbox` that is unknown, or too weak for where it is asked for.

    Raises:
        UserError: with what to give instead.
    """
    if level not in LEVELS:
        raise UserError(f"no sandbox level {level!r}; there are {', '.join(LEVELS)}")
    if level == "none":
        keys = [name for name in os.environ if name.endswith(("_API_KEY", "_TOKEN", "_SECRET"))]
        if keys:
            raise UserError(f"--sandbox none is refused while {keys[0]} is set: a reward could read it; unset it first")
        if os.environ.get("EUREKA_ALLOW_NO_SANDBOX") != "1":
            raise UserError("--sandbox none runs a model's code as you; to accept that, set EUREKA_ALLOW_NO_SANDBOX=1")


class Compiler:
    """The compiler process: restarted when it dies, through no fault of a candidate's."""

    def __init__(self, level: str, log: Path, keep: Sequence[int] = ()):
        """Start it.

        Args:
            level: one of LEVELS.
            log: file for its messages.
            keep: descriptors that it inherits (the run's lock).
        """
        check_level(level)
        self._level, self._log, self._keep = level, log, keep
        self._sandbox: Sandbox | None = None
        self._worker = self._start()

    def _start(self) -> Worker:
        server = shipped("sandbox") / "server.py"
        return Worker(["-P", str(server), self._level], self._log, self._keep)

    @property
    def sandbox(self) -> Sandbox:
        """What the jail is worth; waits until it was tried.

        Raises:
            SandboxUnavailable: it could not be built, or a forbidden act got through.
        """
        deaths = 0
        while self._sandbox is None:
            try:
                hello = self._worker.receive()
            except Died as death:
                deaths += 1
                if deaths > _RESTARTS:
                    raise SandboxUnavailable(
                        f"sandbox unavailable: its process {death}{last_words(self._log)}"
                    ) from None
                self._worker.close()
                self._worker = self._start()
                continue
            assert hello is not None
            if "error" in hello:
                raise SandboxUnavailable(
                    f"sandbox unavailable: {hello['error']}. It needs Linux with seccomp filters (this is "
                    f"{platform.system()} {platform.release()}); weaker isolation must be chosen by name with "
                    "--sandbox container (docs/sandbox.md)"
                )
            self._sandbox = Sandbox(level=hello["hello"], landlock=hello["landlock"], through=hello["through"])
        return self._sandbox

    def compile(self, sources: Mapping[KeyT, str], fields: Fields) -> Iterator[tuple[KeyT, str | Failed]]:
        """Compile texts, several at once.

        Args:
            sources: Python text by a key of the caller's.
            fields: the state fields that they may ask for.

        Yields:
            Each key once, as it is done, with a program's JSON or why there is none.
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
                    key = order[answer["id"]]
                    del waiting[key]
                    yield key, _verdict(answer)
            except Died as death:
                # A candidate cannot end the server, only its own child: somebody else did.
                restarts += 1
                if restarts > _RESTARTS:
                    raise give_up("compiler", death.reason, self._log) from None
                self._worker.close()
                self._sandbox = None
                self._worker = self._start()

    def close(self) -> None:
        """End the process."""
        self._worker.close()


def _verdict(answer: dict) -> str | Failed:
    if "program" in answer:
        return answer["program"]
    if "killed" in answer:
        return Failed(stage="compile", message=answer["killed"], machine=True)
    return Failed(stage="compile", message=answer["refused"], line=answer["line"])
