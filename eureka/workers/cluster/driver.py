"""The orchestrator's side of the driver: the process that is Ray's driver, and links to hosts through it."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eureka.config.tasks import LoadedTask
from eureka.errors import UserError
from eureka.system.hardware import cores
from eureka.workers.cluster.channel import Pipe
from eureka.workers.process import Died, Worker, last_words

_JOINING = 30.0
"""s in which a cluster must have taken us in."""
_STARTING = 120.0
"""s in which one of our own must be there."""
_CLOSING = 12.0
"""s that the end of a link, and of the driver, is waited for."""
_OF_RAY = (
    "RAY_ADDRESS",
    "RAY_AUTH_MODE",
    "RAY_AUTH_TOKEN",
    "RAY_AUTH_TOKEN_PATH",
    "RAY_TMPDIR",
    "RAY_USE_TLS",
    "RAY_TLS_SERVER_CERT",
    "RAY_TLS_SERVER_KEY",
    "RAY_TLS_CA_CERT",
)
"""Variables that a driver needs to join a cluster; what of them is a secret is the cluster's own."""
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
_BRIEF = {"RAY_NUM_REDIS_GET_RETRIES": "6"}
"""So that Ray gives an address up before we do."""


@dataclass(frozen=True)
class Node:
    """A machine of the cluster."""

    name: str
    cpus: int
    gpus: int


class Driver:
    """The process that is Ray's driver, and what it says dealt out to links."""

    def __init__(
        self,
        address: str | None,
        task: LoadedTask,
        log: Path,
        scratch: Path,
        keep: Sequence[int],
        note: Callable[[str], None],
    ):
        """Start it and wait until it is in a cluster; arguments are as for `Cluster`.

        Raises:
            UserError: it does not get into one.
        """
        self.links: dict[int, RayLink] = {}
        self.dead = False
        self._note = note
        self._answers: queue.SimpleQueue[dict[str, Any] | str] = queue.SimpleQueue()
        # Sockets of Ray's lie in it, whose paths may not be long; and what is in it Ray makes open to everybody.
        self._folder = None if address else Path(tempfile.mkdtemp(prefix="eureka-ray-", dir="/tmp"))
        own = scratch / "tmp" / "ray"
        own.mkdir(parents=True, exist_ok=True)
        worker = Worker(["-P", "-m", "eureka.workers.cluster.driver_process"], log, keep, own, self._environment())
        self._pipe = Pipe(worker, self._deal, self._ended)
        try:
            self.nodes = self._joined(address, task, log)
        except BaseException:
            self._pipe.kill()
            self.close()
            raise

    def send(self, message: dict[str, Any]) -> None:
        """Give it an order.

        Raises:
            Died: it is gone.
        """
        self._pipe.send(message)

    def close(self) -> None:
        """End it, with every host and a cluster of its own."""
        self._pipe.close(_CLOSING)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _environment(self) -> dict[str, str]:
        if self._folder is None:
            return _QUIET | _BRIEF | {name: os.environ[name] for name in _OF_RAY if name in os.environ}
        token = self._folder / "token"
        with open(os.open(token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(os.urandom(32).hex())
        return _QUIET | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token)}

    def _joined(self, address: str | None, task: LoadedTask, log: Path) -> tuple[Node, ...]:
        own = str(self._folder) if self._folder else None
        order = {"do": "join", "task": str(task.path), "address": address, "cpus": cores(), "folder": own}
        where = f"Ray at {address}" if address else "a Ray of its own"
        try:
            self.send(order)
            answer = self._answers.get(timeout=_JOINING if address else _STARTING)
        except Died as death:
            answer = death.reason
        except queue.Empty:
            answer = "there was no answer in time"
        if isinstance(answer, dict) and "joined" in answer:
            return tuple(Node(**node) for node in answer["joined"])
        why = answer["failed"] if isinstance(answer, dict) else answer
        words, cure = last_words(log), ""
        if "AuthToken" in words or "token" in why:
            words, cure = "", "; it has a token: set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH (docs/scale.md)"
        elif address:
            cure = "; this machine must be a node of that cluster (ray start --address=..., docs/scale.md)"
        raise UserError(f"eureka could not {'join' if address else 'start'} {where}: {why}{words}{cure}")

    def _deal(self, frame: bytes) -> None:
        message = json.loads(frame)
        if "note" in message:
            self._note(message["note"])
        elif "link" not in message:
            self._answers.put(message)
        elif message["link"] in self.links:
            self.links[message["link"]].said(message)

    def _ended(self, reason: str) -> None:
        self.dead = True
        self._answers.put(f"the process that drives Ray {reason}")
        for link in list(self.links.values()):
            link.said({"died": f"was lost, since the process that drives Ray {reason}", "closed": True})


class RayLink:
    """A trainer process on a node; an `eureka.workers.executors.Link`."""

    def __init__(self, driver: Driver, number: int):
        """Something to deal messages to."""
        self.driver, self.number = driver, number
        self._inbox: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._death: str | None = None
        self._closed = threading.Event()

    def said(self, message: dict[str, Any]) -> None:
        """Take what the driver says of it."""
        if "frame" in message or "died" in message:
            self._inbox.put(message)
        if "closed" in message:
            self._closed.set()

    def send(self, message: dict[str, Any]) -> None:
        """Give it a command.

        Raises:
            Died: it is gone.
        """
        if self._death is not None:
            raise Died(self._death)
        self.driver.send({"do": "send", "link": self.number, "frame": message})

    def receive(self, timeout: float | None = None) -> dict[str, Any] | None:
        """What it says next, or None when `timeout` s pass without a word.

        Raises:
            Died: it is gone, and everything that it said was taken.
        """
        if self._death is None:
            try:
                message = self._inbox.get(timeout=timeout)
            except queue.Empty:
                return None
            if "frame" in message:
                return message["frame"]
            self._death = str(message["died"])
        raise Died(self._death)

    def kill(self) -> None:
        """End it at once."""
        self._inbox.put({"died": "was ended"})
        with contextlib.suppress(Died):
            self.driver.send({"do": "kill", "link": self.number})

    def close(self) -> None:
        """End it, and wait until its place is free."""
        with contextlib.suppress(Died):
            self.driver.send({"do": "close", "link": self.number})
            self._closed.wait(_CLOSING)
        self.driver.links.pop(self.number, None)
