"""Ray's driver: a process between the orchestrator and a cluster, which it joins or starts for itself.

Started as `python -m eureka.workers.cluster.driver_process`. Frames in:

    {"do": "join", "task", "address", "cpus", "folder"}
                            joined {nodes} | failed {why}
    {"do": "open", ...}     a link: the fields of `actor_handle.Wish`
    {"do": "send", "link", "frame"}
    {"do": "kill", "link"}  {"do": "close", "link"}
                            closed

and out, besides: `{"link", "frame"}` and `{"link", "died"}` of a link, `{"note"}` for people. The program ends when its
input does, and takes its hosts, and a cluster of its own, with it.
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
from eureka.workers.process import frames, write_frame

_OBJECTS = 256 << 20
"""Bytes of shared memory for what travels, in a cluster of our own."""
_REACHING = 5.0
"""s until an address must have answered."""
_LEAVING = 15.0
"""s after which this process ends whatever Ray still does."""


class DriverProcess:
    """The driver of a run."""

    def __init__(self, out: int):
        self._out, self._saying = out, threading.Lock()
        self._handles: dict[int, ActorHandle] = {}
        self._noted: set[str] = set()
        self._ending = ThreadPoolExecutor(16)
        self.parcel: TaskPackage
        self._folder: str | None = None

    def say(self, message: dict[str, Any]) -> None:
        """Send a frame to the orchestrator."""
        with self._saying:
            write_frame(self._out, message)

    def note(self, text: str) -> None:
        """Tell people something, once."""
        if text not in self._noted:
            self._noted.add(text)
            self.say({"note": text})

    def crowded(self, wish: WorkerRequest) -> str | None:
        """Where a worker may share processors, if all that are left are fewer than the workers need; else None."""
        if wish.device == "cuda":
            return None
        alive = [n for n in _alive() if n["Resources"].get("CPU", 0) >= 1]
        places = sum(int(n["Resources"]["CPU"]) // wish.threads for n in alive)
        if not alive or places >= len(self._handles):
            return None
        return max(alive, key=lambda n: n["Resources"]["CPU"])["NodeID"]

    def carry_out(self, order: dict[str, Any]) -> None:
        """What the orchestrator asks for."""
        match order.pop("do"):
            case "join":
                self._join(**order)
            case "open":
                wish = WorkerRequest(**order)
                self._handles[wish.link] = ActorHandle(self, wish)
            case "send":
                if order["link"] in self._handles:
                    self._handles[order["link"]].send(order["frame"])
            case "kill":
                if order["link"] in self._handles:
                    self._ending.submit(self._handles[order["link"]].end, at_once=True)
            case "close":
                self._ending.submit(self._close, order["link"])

    def leave(self, code: int) -> None:
        """End every host, leave the cluster, and exit."""
        threading.Timer(_LEAVING, os._exit, (1,)).start()
        list(self._ending.map(lambda handle: handle.end(at_once=False), list(self._handles.values())))
        ray.shutdown()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        os._exit(code)

    def _close(self, link: int) -> None:
        handle = self._handles.pop(link, None)
        if handle is not None:
            handle.end(at_once=False)
        self.say({"link": link, "closed": True})

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
            self.say({"failed": f"{first or type(error).__name__}"})
            return
        loaded = load_task(task)
        files = task_files(loaded)
        contents = ray.put({name: path.read_bytes() for name, path in files.items()})
        name = loaded.path.name if loaded.on_disk else str(loaded.path)
        self.parcel = TaskPackage(name, loaded.path.parent, hashes(files), contents)
        nodes = [
            {"name": _name(n), "cpus": int(n["Resources"].get("CPU", 0)), "gpus": int(n["Resources"].get("GPU", 0))}
            for n in _alive()
        ]
        self.say({"joined": nodes})


def _alive() -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def _name(node: dict[str, Any]) -> str:
    return f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"


def _reach(address: str) -> None:
    """Try whether anything answers: Ray itself would try for long.

    Raises:
        OSError: nothing does.
    """
    host, _, port = address.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), timeout=_REACHING).close()


def main() -> None:
    """Serve until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out, source = os.dup(1), os.dup(0)
    os.dup2(2, 1)  # what a library prints belongs in the log
    driver, code = DriverProcess(out), 1
    try:
        for order in frames(source):
            driver.carry_out(order)
        code = 0
    except Exception:  # `leave` shows none
        traceback.print_exc()
    driver.leave(code)


if __name__ == "__main__":
    main()
