"""The driver's end of one link: a host placed on a node, and what passes between it and the orchestrator."""

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
from eureka.workers.cluster.actor import Order, Places, TrainerActor
from eureka.workers.cluster.transfer import PIECE, incoming, outgoing
from eureka.workers.process import Died

_POLL = 20.0
"""s that a host waits for something to say before it says nothing."""
_PLACING = 15.0
"""s after which a host that is not there is one that nothing has room for; on a busy node it takes some to start."""
_SHARING = 5.0
"""s after which one that had a place before is content with a share of one."""
_SEEKING = 60.0
"""s in which nodes that are lost while a host is placed are passed over: Ray still takes some for living."""
_ENDING = 5.0
"""s that a host gets to end its trainer process and to clear up."""
_CALLS = 8
"""Calls that a host answers at the same time."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


@dataclass(frozen=True)
class WorkerRequest:
    """What the orchestrator asked for."""

    link: int
    worker: int
    device: str
    threads: int
    fenced: bool
    log: str
    again: bool
    """Whether it takes the place of one that died."""


class Refused(Exception):
    """A node cannot be used, for a reason that the user can do something about."""


@dataclass(frozen=True)
class TaskPackage:
    """The task as it is sent to nodes."""

    task: str
    """The YAML's name, or gymnasium:ID."""
    root: Path
    """Where it is here."""
    sources: dict[str, str]
    """SHA-256 of each file."""
    files: Any
    """A reference of Ray's to all of them."""


class Driver(Protocol):
    """What a handle needs of the driver process."""

    parcel: TaskPackage

    def say(self, message: dict[str, Any]) -> None:
        """Send a frame to the orchestrator."""

    def note(self, text: str) -> None:
        """Send a message for the user, once."""

    def crowded(self, wish: WorkerRequest) -> str | None:
        """The node on which a worker may share processors, if it must; else None."""


class ActorHandle:
    """One host, from its placing to its end."""

    def __init__(self, driver: Driver, wish: WorkerRequest):
        """Begin to place it."""
        self.driver, self.wish = driver, wish
        self._commands: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._host: Any = None
        self._node = "a node"
        self._places: Places | None = None
        self._results: Path | None = None
        self._over = threading.Event()
        threading.Thread(target=self._live, daemon=True).start()

    def send(self, command: dict[str, Any]) -> None:
        """Pass a command on, once there is a trainer process to give it to."""
        self._commands.put(command)

    def end(self, at_once: bool) -> None:
        """End the trainer process, and give the place back."""
        self._over.set()
        self._commands.put(None)
        host = self._host
        if host is None:
            return
        try:
            if at_once:
                ray.wait([host.kill.remote()], timeout=_ENDING)
            if self._places is not None:
                ray.wait([host.end.remote()], timeout=_ENDING)
            ray.kill(host)
        except RayError:
            return  # it is gone already

    def _live(self) -> None:
        try:
            host = self._place()
            threading.Thread(target=self._give, args=(host,), daemon=True).start()
            self._listen(host)
        except Refused as refusal:
            self._say({"frame": {"kind": "error", "message": str(refusal)}})
        except Died as death:
            self._say({"died": death.reason})
        except RayTaskError as error:
            self._fault(f"failed on {self._node}: {type(error.cause).__name__}: {error.cause}")
        except RayError:
            self._fault(f"was lost with {self._node}")
        except Exception as error:  # what a node says is no end of this process
            self._fault(f"was given up, since {self._node} sent what no trainer sends: {type(error).__name__}: {error}")

    def _fault(self, reason: str) -> None:
        if not self._over.is_set():
            traceback.print_exc()
            self._say({"died": " ".join(reason.split())[:300]})

    def _say(self, message: dict[str, Any]) -> None:
        if not self._over.is_set():
            self.driver.say({"link": self.wish.link, **message})

    def _place(self) -> Any:
        """A host with a trainer process; a node that turns out to be lost is passed over."""
        deadline = time.monotonic() + _SEEKING
        while True:
            try:
                return self._settled(*self._placed())
            except RayTaskError:
                raise
            except RayError:
                if self._over.is_set() or time.monotonic() > deadline:
                    raise
                traceback.print_exc()
                time.sleep(1.0)

    def _settled(self, host: Any, ready: Any) -> Any:
        """The host, once its node was found to be like this machine and has a trainer process."""
        wish = self.wish
        there = self._facts(ready)
        self._node = f"node {_ask(host.name)}"
        here = compatibility.facts(wish.device)
        problem = compatibility.difference(self._node, there, here, wish.device)
        if problem:
            raise Refused(problem)
        if wish.device == "cpu" and there[compatibility.VECTORS] != here[compatibility.VECTORS]:
            self.driver.note(
                f"{self._node} computes with {there[compatibility.VECTORS]} and this machine with "
                f"{here[compatibility.VECTORS]}: sums may differ in their last bits"
            )
        parcel = self.driver.parcel
        files = {} if _ask(host.has, parcel.sources) else parcel.files
        order = Order(parcel.task, parcel.sources, wish.device, wish.threads, wish.fenced)
        self._places = _ask(host.start, order, files)
        return host

    def _created(self, options: dict[str, Any]) -> tuple[Any, Any]:
        """A host that is to be placed, and what comes when it was."""
        gpus = 1 if self.wish.device == "cuda" else 0
        kind: Any = ray.remote(TrainerActor)
        made = kind.options(max_concurrency=_CALLS, max_restarts=0, num_gpus=gpus, **options)
        self._host = host = made.remote()
        if self._over.is_set():
            ray.kill(host)
            raise Died("was ended")
        return host, host.facts.remote(self.wish.device)

    def _placed(self) -> tuple[Any, Any]:
        """A host on a node; one that had a place before shares processors once too few are left for all."""
        wish, begin, shares = self.wish, time.monotonic(), False
        host, ready = self._created({"num_cpus": wish.threads, "scheduling_strategy": "SPREAD"})
        while not ray.wait([ready], timeout=1.0)[0]:
            if self._over.is_set():
                raise Died("was ended")
            waited = time.monotonic() - begin
            # A lost node is known as lost only after a while.
            node = self.driver.crowded(wish) if wish.again and not shares and waited > _SHARING else None
            if node is not None:
                shares = True
                self.driver.note(f"too few nodes are left for worker {wish.worker}: it shares processors with another")
                ray.kill(host)
                there = NodeAffinitySchedulingStrategy(node_id=node, soft=False)
                host, ready = self._created({"num_cpus": 0, "scheduling_strategy": there})
            elif not shares and waited > _PLACING:
                needs = f"{'a GPU and ' if wish.device == 'cuda' else ''}{wish.threads} CPU{'s' * (wish.threads > 1)}"
                self.driver.note(f"worker {wish.worker} waits until a node of the cluster has {needs} to spare")
        return host, ready

    def _facts(self, ready: Any) -> dict[str, str]:
        try:
            return cast(dict[str, str], ray.get(ready))
        except RayError as error:
            if "ModuleNotFoundError" in str(error) or "AttributeError" in str(error):
                traceback.print_exc()
                raise Refused(
                    "a node of the cluster cannot run this eureka: install the same one on every node, with "
                    "pip install -e '.[ray]'"
                ) from None
            raise

    def _listen(self, host: Any) -> None:
        while not self._over.is_set():
            said = _ask(host.take, _POLL)
            if said.log:
                with open(self.wish.log, "ab") as log:
                    log.write(said.log)
            for frame in said.frames:
                self._say({"frame": self._translated(json.loads(frame))})
            if said.ended is not None:
                raise Died(said.ended)

    def _translated(self, frame: dict[str, Any]) -> dict[str, Any]:
        assert self._places is not None
        if frame["kind"] == "error":
            home = str(self.driver.parcel.root)
            return frame | {"message": str(frame["message"]).replace(self._places.task, home)}
        try:
            return incoming(frame, self._fetch)
        except OSError as error:
            if error.errno in _FULL:
                return {"kind": "storage", "message": f"{error.strerror}: {error.filename}"}
            raise

    def _fetch(self, name: str, sha256: str) -> str:
        """Bring a file of the node's here, whole."""
        if self._results is None:
            raise ValueError("a file that nobody asked for")
        pieces = [_ask(self._host.read, name, 0)]
        while len(pieces[-1]) == PIECE:
            pieces.append(_ask(self._host.read, name, PIECE * len(pieces)))
        data = b"".join(pieces)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ValueError(f"{name} is not what it is said to be")
        self._results.mkdir(parents=True, exist_ok=True)
        write_whole(self._results / name, data)
        self._host.forget.remote(name)
        return str(self._results / name)

    def _give(self, host: Any) -> None:
        """Pass commands on, as they come, with the files that they name."""
        assert self._places is not None
        while (command := self._commands.get()) is not None:
            try:
                _ask(host.clear)
                self._results = Path(command["folder"]) if "folder" in command else None
                _ask(host.send, outgoing(command, self._bring, self._places.out))
            except OSError as error:
                self._fault(f"could not be sent {error.filename}: {error.strerror}")
            except RayError:
                return  # whoever listens is told how it died

    def _bring(self, path: Path) -> str:
        """Take a file of this machine's to the node; where it is there."""
        assert self._places is not None
        name = hashlib.sha256(str(path).encode()).hexdigest()[:16] + path.suffix
        with open(path, "rb") as file:
            piece, first = file.read(PIECE), True
            while piece or first:
                _ask(self._host.write, name, piece, first)
                piece, first = file.read(PIECE), False
        return f"{self._places.inbox}/{name}"


def _ask(method: Any, *arguments: Any) -> Any:
    """Call a method of a host's, and wait for what it returns."""
    return ray.get(method.remote(*arguments))
