"""The driver process's side of one connection: places an actor on a node, and forwards frames and files."""

from __future__ import annotations

import errno
import hashlib
import json
import queue
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from eureka.system.files import write_whole
from eureka.workers.cluster import compatibility
from eureka.workers.cluster.actor import Folders, StartOptions, TrainerActor
from eureka.workers.cluster.transfer import PART, incoming, outgoing
from eureka.workers.messages import Answer, Command, StorageError, TaskError, Train, decode_answer, encode
from eureka.workers.process import Died

_POLL = 20.0  # s that an actor waits for output before it returns none
_PLACING = 15.0  # s after which the user is told that no node has room; on a busy node, an actor takes some to start
_SHARING = 5.0  # s after which the replacement of an actor may share processors
_SEEKING = 60.0  # s in which placement is retried when a node is lost; Ray takes some time to notice that
_ENDING = 5.0  # s that an actor gets to end its trainer process and to remove its folder
_CALLS = 8  # concurrent calls of an actor
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


@dataclass(frozen=True)
class WorkerRequest:
    """A worker that the orchestrator asked for."""

    connection: int
    worker: int
    device: str
    threads: int
    fenced: bool
    log: str
    again: bool  # whether it replaces a worker that died


class Refused(Exception):
    """A node cannot be used, for a reason that the user can remove."""


@dataclass(frozen=True)
class TaskPackage:
    """The task that is sent to nodes."""

    task: str  # file name of the YAML, or `gymnasium:ID`
    root: Path  # its folder on this machine
    sources: dict[str, str]  # SHA-256 of each file
    files: Any  # Ray object reference to their contents


class Driver(Protocol):
    """The parts of the driver process that a handle uses."""

    package: TaskPackage

    def send(self, message: dict[str, Any]) -> None:
        """Send a frame to the orchestrator."""

    def note(self, text: str) -> None:
        """Send a message for the user; repeated messages are dropped."""

    def shared_node(self, request: WorkerRequest) -> str | None:
        """ID of a node on which a worker has to share processors; None if there is room for all workers."""


class ActorHandle:
    """An actor, from its placement to its end."""

    def __init__(self, driver: Driver, request: WorkerRequest):
        """Start to place it, in a thread."""
        self.driver, self.request = driver, request
        self._commands: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
        self._actor: Any = None
        self._node = "a node"
        self._folders: Folders | None = None
        self._results: Path | None = None
        self._over = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def send(self, command: Command) -> None:
        """Send a command as soon as there is a trainer process."""
        self._commands.put(command)

    def end(self, at_once: bool) -> None:
        """End the trainer process and the actor."""
        self._over.set()
        self._commands.put(None)
        actor = self._actor
        if actor is None:
            return
        try:
            if at_once:
                ray.wait([actor.kill.remote()], timeout=_ENDING)
            if self._folders is not None:
                ray.wait([actor.end.remote()], timeout=_ENDING)
            ray.kill(actor)
        except RayError:
            return  # it has ended already

    def _run(self) -> None:
        try:
            actor = self._place_and_start()
            threading.Thread(target=self._forward_commands, args=(actor,), daemon=True).start()
            self._forward_answers(actor)
        except Refused as refusal:
            self._send({"frame": encode(TaskError(message=str(refusal)))})
        except Died as death:
            self._send({"died": death.reason})
        except RayTaskError as error:
            self._fault(f"failed on {self._node}: {type(error.cause).__name__}: {error.cause}")
        except RayError:
            self._fault(f"was lost with {self._node}")
        except Exception as error:  # invalid data from a node must not end this process
            self._fault(f"was given up, since {self._node} sent invalid data ({type(error).__name__}: {error})")

    def _fault(self, reason: str) -> None:
        if not self._over.is_set():
            traceback.print_exc()
            self._send({"died": " ".join(reason.split())[:300]})

    def _send(self, message: dict[str, Any]) -> None:
        if not self._over.is_set():
            self.driver.send({"connection": self.request.connection, **message})

    def _place_and_start(self) -> Any:
        """An actor with a trainer process; retried on another node if a node is lost."""
        deadline = time.monotonic() + _SEEKING
        while True:
            try:
                return self._start(*self._place())
            except RayTaskError:
                raise
            except RayError:
                if self._over.is_set() or time.monotonic() > deadline:
                    raise
                traceback.print_exc()
                time.sleep(1.0)

    def _start(self, actor: Any, ready: Any) -> Any:
        """Start the trainer process, if results of the node are the same as on this machine."""
        request = self.request
        there = self._facts(ready)
        self._node = f"node {_call(actor.name)}"
        here = compatibility.facts(request.device)
        problem = compatibility.difference(self._node, there, here, request.device)
        if problem:
            raise Refused(problem)
        if request.device == "cpu" and there[compatibility.VECTORS] != here[compatibility.VECTORS]:
            self.driver.note(
                f"{self._node} uses {there[compatibility.VECTORS]} instructions and this machine "
                f"{here[compatibility.VECTORS]}: results may differ in their last bits"
            )
        package = self.driver.package
        files = {} if _call(actor.has, package.sources) else package.files
        options = StartOptions(package.task, package.sources, request.device, request.threads, request.fenced)
        self._folders = _call(actor.start, options, files)
        return actor

    def _create(self, options: dict[str, Any]) -> tuple[Any, Any]:
        """A new actor, and an object reference that is ready when the actor is placed."""
        gpus = 1 if self.request.device == "cuda" else 0
        kind: Any = ray.remote(TrainerActor)
        made = kind.options(max_concurrency=_CALLS, max_restarts=0, num_gpus=gpus, **options)
        self._actor = actor = made.remote()
        if self._over.is_set():
            ray.kill(actor)
            raise Died("was ended")
        return actor, actor.facts.remote(self.request.device)

    def _place(self) -> tuple[Any, Any]:
        """A new actor on a node; a replacement shares processors if too few are left for all workers."""
        request, begin, shares = self.request, time.monotonic(), False
        actor, ready = self._create({"num_cpus": request.threads, "scheduling_strategy": "SPREAD"})
        while not ray.wait([ready], timeout=1.0)[0]:
            if self._over.is_set():
                raise Died("was ended")
            waited = time.monotonic() - begin
            # Ray notices only after some time that a node is lost.
            node = self.driver.shared_node(request) if request.again and not shares and waited > _SHARING else None
            if node is not None:
                shares = True
                self.driver.note(f"too few nodes are left: worker {request.worker} shares processors with another one")
                ray.kill(actor)
                there = NodeAffinitySchedulingStrategy(node_id=node, soft=False)
                actor, ready = self._create({"num_cpus": 0, "scheduling_strategy": there})
            elif not shares and waited > _PLACING:
                gpu = "a GPU and " if request.device == "cuda" else ""
                needs = f"{gpu}{request.threads} CPU{'s' * (request.threads > 1)}"
                self.driver.note(f"worker {request.worker} waits for a node with {needs} available")
        return actor, ready

    def _facts(self, ready: Any) -> dict[str, str]:
        try:
            return cast(dict[str, str], ray.get(ready))
        except RayError as error:
            if "ModuleNotFoundError" in str(error) or "AttributeError" in str(error):
                traceback.print_exc()
                raise Refused(
                    "a node of the cluster cannot import this version of eureka; install it on every node with "
                    "pip install -e '.[ray]'"
                ) from None
            raise

    def _forward_answers(self, actor: Any) -> None:
        while not self._over.is_set():
            output = _call(actor.take, _POLL)
            if output.log:
                with open(self.request.log, "ab") as log:
                    log.write(output.log)
            for frame in output.frames:
                self._send({"frame": encode(self._receive_files(decode_answer(json.loads(frame))))})
            if output.ended is not None:
                raise Died(output.ended)

    def _receive_files(self, answer: Answer) -> Answer:
        """The answer with paths of this machine, after its files were downloaded."""
        assert self._folders is not None
        if isinstance(answer, TaskError):
            return TaskError(message=answer.message.replace(self._folders.task, str(self.driver.package.root)))
        try:
            return incoming(answer, self._download)
        except OSError as error:
            if error.errno in _FULL:
                return StorageError(message=f"{error.strerror}: {error.filename}")
            raise

    def _download(self, name: str, sha256: str) -> str:
        """Write a file of the node to the folder for results; its path."""
        if self._results is None:
            raise ValueError("a file without a training")
        parts = [_call(self._actor.read, name, 0)]
        while len(parts[-1]) == PART:
            parts.append(_call(self._actor.read, name, PART * len(parts)))
        data = b"".join(parts)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ValueError(f"{name} does not have the SHA-256 of its answer")
        self._results.mkdir(parents=True, exist_ok=True)
        write_whole(self._results / name, data)
        self._actor.remove.remote(name)
        return str(self._results / name)

    def _forward_commands(self, actor: Any) -> None:
        """Send commands as they arrive, with the files that they name."""
        assert self._folders is not None
        while (command := self._commands.get()) is not None:
            try:
                _call(actor.clear)
                self._results = Path(command.folder) if isinstance(command, Train) else None
                _call(actor.send, encode(outgoing(command, self._upload, self._folders.out)))
            except OSError as error:
                self._fault(f"could not be sent {error.filename}: {error.strerror}")
            except RayError:
                return  # `_forward_answers` reports the death

    def _upload(self, path: Path) -> str:
        """Write a file of this machine to the node; its path there."""
        assert self._folders is not None
        name = hashlib.sha256(str(path).encode()).hexdigest()[:16] + path.suffix
        with open(path, "rb") as file:
            part, first = file.read(PART), True
            while part or first:
                _call(self._actor.write, name, part, first)
                part, first = file.read(PART), False
        return f"{self._folders.inbox}/{name}"


def _call(method: Any, *arguments: Any) -> Any:
    """Call a method of an actor and wait for its result."""
    return ray.get(method.remote(*arguments))
