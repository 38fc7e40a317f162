"""Ray's driver: a process between the orchestrator and a cluster, which it joins or starts.

Frames in, with their answers:

    {"do": "join", "task", "address", "cpus", "folder"}     {"joined": nodes} or {"failed": why}
    {"do": "open", fields of `actor_handle.WorkerRequest`}
    {"do": "send", "connection", "frame"}
    {"do": "kill", "connection"}
    {"do": "close", "connection"}                           {"connection", "closed"}

Other frames out are `{"connection", "frame"}` and `{"connection", "died"}`, and `{"note"}` for the user. The process
ends when its input does, and ends its actors, and a cluster that it started.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ray

from eureka.config.tasks import load_task
from eureka.workers.cluster.actor_handle import ActorHandle, TaskPackage, WorkerRequest
from eureka.workers.cluster.transfer import hashes, task_files
from eureka.workers.messages import decode_command
from eureka.workers.process import frames, write_frame

_OBJECTS = 256 << 20  # shared memory for objects in a cluster that this process starts, bytes
_REACHING = 5.0  # s in which an address must answer
_LEAVING = 15.0  # s after which this process exits even if Ray has not shut down


class DriverProcess:
    """The driver process of a run."""

    def __init__(self, out: int):
        self._out, self._sending = out, threading.Lock()
        self._handles: dict[int, ActorHandle] = {}
        self._noted: set[str] = set()
        self._ending = ThreadPoolExecutor(16)
        self.package: TaskPackage
        self._folder: str | None = None

    def send(self, message: dict[str, Any]) -> None:
        """Send a frame to the orchestrator. Thread-safe."""
        with self._sending:
            write_frame(self._out, message)

    def note(self, text: str) -> None:
        """Send a message for the user; repeated messages are dropped."""
        if text not in self._noted:
            self._noted.add(text)
            self.send({"note": text})

    def shared_node(self, request: WorkerRequest) -> str | None:
        """ID of a node on which a worker has to share processors; None if there is room for all workers."""
        if request.device == "cuda":
            return None
        alive = [n for n in _alive() if n["Resources"].get("CPU", 0) >= 1]
        places = sum(int(n["Resources"]["CPU"]) // request.threads for n in alive)
        if not alive or places >= len(self._handles):
            return None
        return max(alive, key=lambda n: n["Resources"]["CPU"])["NodeID"]

    def carry_out(self, order: dict[str, Any]) -> None:
        match order.pop("do"):
            case "join":
                self._join(**order)
            case "open":
                request = WorkerRequest(**order)
                self._handles[request.connection] = ActorHandle(self, request)
            case "send":
                if order["connection"] in self._handles:
                    self._handles[order["connection"]].send(decode_command(order["frame"]))
            case "kill":
                if order["connection"] in self._handles:
                    self._ending.submit(self._handles[order["connection"]].end, at_once=True)
            case "close":
                self._ending.submit(self._close, order["connection"])

    def leave(self, code: int) -> None:
        """End all actors, leave the cluster, and exit."""
        threading.Timer(_LEAVING, os._exit, (1,)).start()
        list(self._ending.map(lambda handle: handle.end(at_once=False), list(self._handles.values())))
        ray.shutdown()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        os._exit(code)

    def _close(self, connection: int) -> None:
        handle = self._handles.pop(connection, None)
        if handle is not None:
            handle.end(at_once=False)
        self.send({"connection": connection, "closed": True})

    def _join(self, task: str, address: str | None, cpus: int, folder: str | None) -> None:
        quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
        try:
            if folder is not None:
                self._folder = folder
                own = {"num_cpus": cpus, "include_dashboard": False, "object_store_memory": _OBJECTS}
                ray.init("local", _temp_dir=f"{folder}/ray", **own, **quiet)
            else:
                if address not in (None, "auto"):
                    _reach(address)
                ray.init(address, **quiet)
        except Exception as error:
            first = " ".join(str(error).split())[:300]
            self.send({"failed": f"{first or type(error).__name__}"})
            return
        loaded = load_task(task)
        files = task_files(loaded)
        contents = ray.put({name: path.read_bytes() for name, path in files.items()})
        name = loaded.path.name if loaded.on_disk else str(loaded.path)
        self.package = TaskPackage(name, loaded.path.parent, hashes(files), contents)
        nodes = [
            {"name": _name(n), "cpus": int(n["Resources"].get("CPU", 0)), "gpus": int(n["Resources"].get("GPU", 0))}
            for n in _alive()
        ]
        self.send({"joined": nodes})


def _alive() -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def _name(node: dict[str, Any]) -> str:
    return f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"


def _reach(address: str) -> None:
    """Raise `OSError` if an address does not accept connections; Ray would try for a long time."""
    host, _, port = address.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), timeout=_REACHING).close()


def main() -> None:
    """Carry out frames until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out, source = os.dup(1), os.dup(0)
    os.dup2(2, 1)  # output of libraries goes to the log
    driver, code = DriverProcess(out), 1
    try:
        for order in frames(source):
            driver.carry_out(order)
        code = 0
    except Exception:  # `leave` exits without showing it
        traceback.print_exc()
    driver.leave(code)


if __name__ == "__main__":
    main()
