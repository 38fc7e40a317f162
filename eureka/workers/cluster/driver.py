"""The orchestrator's side of the driver process, and connections to trainer processes through it."""

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
from eureka.workers.cluster.channel import Channel
from eureka.workers.process import Died, Worker, last_line

_JOINING = 30.0  # s in which a cluster must be joined
_STARTING = 120.0  # s in which a new cluster must have started
_CLOSING = 12.0  # s to wait for the end of a connection, and of the driver process
_RAY_VARIABLES = (
    "RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_TMPDIR", "RAY_USE_TLS",
    "RAY_TLS_SERVER_CERT", "RAY_TLS_SERVER_KEY", "RAY_TLS_CA_CERT",
)  # fmt: skip  # for joining a cluster; the secrets among them belong to the cluster
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
_BRIEF = {"RAY_NUM_REDIS_GET_RETRIES": "6"}  # Ray gives up an address before `_JOINING` has passed


@dataclass(frozen=True)
class Node:
    """A machine of the cluster."""

    name: str
    cpus: int
    gpus: int


class Driver:
    """The driver process; distributes its frames to connections."""

    def __init__(
        self,
        address: str | None,
        task: LoadedTask,
        log: Path,
        scratch: Path,
        keep: Sequence[int],
        note: Callable[[str], None],
    ):
        """Start the process and wait until it joined a cluster, or raise `UserError`; arguments as of `Cluster`."""
        self.connections: dict[int, RayConnection] = {}
        self.dead = False
        self._note = note
        self._answers: queue.SimpleQueue[dict[str, Any] | str] = queue.SimpleQueue()
        # In /tmp, since paths of Ray's sockets must be short. Ray makes the files in it readable for all users.
        self._folder = None if address else Path(tempfile.mkdtemp(prefix="eureka-ray-", dir="/tmp"))
        own = scratch / "tmp" / "ray"
        own.mkdir(parents=True, exist_ok=True)
        worker = Worker(["-P", "-m", "eureka.workers.cluster.driver_process"], log, keep, own, self._environment())
        self._channel = Channel(worker, self._on_frame, self._on_end)
        try:
            self.nodes = self._join(address, task, log)
        except BaseException:
            self._channel.kill()
            self.close()
            raise

    def send(self, message: dict[str, Any]) -> None:
        self._channel.send(message)

    def close(self) -> None:
        """End the process, its actors, and a cluster that it started."""
        self._channel.close(_CLOSING)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _environment(self) -> dict[str, str]:
        if self._folder is None:
            return _QUIET | _BRIEF | {name: os.environ[name] for name in _RAY_VARIABLES if name in os.environ}
        token = self._folder / "token"
        with open(os.open(token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(os.urandom(32).hex())
        return _QUIET | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token)}

    def _join(self, address: str | None, task: LoadedTask, log: Path) -> tuple[Node, ...]:
        own = str(self._folder) if self._folder else None
        order = {"do": "join", "task": str(task.path), "address": address, "cpus": cores(), "folder": own}
        where = f"Ray at {address}" if address else "a new Ray cluster"
        try:
            self.send(order)
            answer = self._answers.get(timeout=_JOINING if address else _STARTING)
        except Died as death:
            answer = death.reason
        except queue.Empty:
            answer = "no answer in time"
        if isinstance(answer, dict) and "joined" in answer:
            return tuple(Node(**node) for node in answer["joined"])
        why = answer["failed"] if isinstance(answer, dict) else answer
        words, remedy = last_line(log), ""
        if "AuthToken" in words or "token" in why:
            words, remedy = (
                "",
                "; set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH to the cluster's token (docs/scale.md)",
            )
        elif address:
            remedy = "; this machine must be a node of the cluster (ray start --address=..., see docs/scale.md)"
        raise UserError(f"could not {'join' if address else 'start'} {where}: {why}{words}{remedy}")

    def _on_frame(self, frame: bytes) -> None:
        message = json.loads(frame)
        if "note" in message:
            self._note(message["note"])
        elif "connection" not in message:
            self._answers.put(message)
        elif message["connection"] in self.connections:
            self.connections[message["connection"]].deliver(message)

    def _on_end(self, reason: str) -> None:
        self.dead = True
        self._answers.put(f"the driver process of Ray {reason}")
        for connection in list(self.connections.values()):
            connection.deliver({"died": f"was lost, since the driver process of Ray {reason}", "closed": True})


class RayConnection:
    """A connection to a trainer process on a node; an `eureka.workers.executors.Connection`."""

    def __init__(self, driver: Driver, number: int):
        self.driver, self.number = driver, number
        self._inbox: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._death: str | None = None
        self._closed = threading.Event()

    def deliver(self, message: dict[str, Any]) -> None:
        """Take a frame of the driver process about this connection."""
        if "frame" in message or "died" in message:
            self._inbox.put(message)
        if "closed" in message:
            self._closed.set()

    def send(self, message: dict[str, Any]) -> None:
        if self._death is not None:
            raise Died(self._death)
        self.driver.send({"do": "send", "connection": self.number, "frame": message})

    def receive(self, timeout: float | None = None) -> dict[str, Any] | None:
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
        self._inbox.put({"died": "was ended"})
        with contextlib.suppress(Died):
            self.driver.send({"do": "kill", "connection": self.number})

    def close(self) -> None:
        """End the trainer process, and wait until its resources are free."""
        with contextlib.suppress(Died):
            self.driver.send({"do": "close", "connection": self.number})
            self._closed.wait(_CLOSING)
        self.driver.connections.pop(self.number, None)
