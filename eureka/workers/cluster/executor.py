"""Executor that starts trainer processes on the nodes of a Ray cluster."""

from __future__ import annotations

import importlib.util
import itertools
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from eureka.config.tasks import LoadedTask
from eureka.errors import UserError
from eureka.workers.cluster.driver import Driver, RayConnection
from eureka.workers.cluster.transfer import task_files
from eureka.workers.executors import check_copy
from eureka.workers.isolation import IsolationPolicy
from eureka.workers.process import Died


class Cluster:
    """Trainer processes on a Ray cluster; an `eureka.workers.executors.Executor`."""

    def __init__(
        self,
        address: str | None,
        task: LoadedTask,
        logs: Path,
        scratch: Path,
        isolation: IsolationPolicy,
        keep: Sequence[int] = (),
        device: str = "cpu",
        workers: int | None = None,
        note: Callable[[str], None] = lambda _: None,
    ):
        """Join the cluster at HOST:PORT or `auto`, or start one on this machine without an address.

        Without `workers`, there is one per GPU, or one per node without GPUs. The driver process inherits the
        descriptors `keep`: the worker lock of the run. `note` is called from another thread.

        Raises:
            UserError: Ray is not installed, no cluster answers, or the task is too large to be sent.
        """
        if importlib.util.find_spec("ray") is None:
            raise UserError("--executor ray needs Ray; install it with pip install -e '.[ray]' in the checkout")
        if address is not None and "://" in address:
            raise UserError(
                f"--executor ray:{address}: Ray's client protocol is not supported; run eureka on a machine of the "
                "cluster and use HOST:PORT or auto"
            )
        if address not in (None, "auto") and not re.fullmatch(r"(\[[^\]]+\]|[^:\s]+):\d{1,5}", address):
            raise UserError(f"--executor ray:{address}: not an address; use HOST:PORT or auto")
        task_files(task)
        self._address, self._task, self._logs, self._scratch = address, task, logs.absolute(), scratch.absolute()
        self._isolation, self._keep, self._device, self._note = isolation, keep, device, note
        check_copy(task, self.fenced)
        self._numbers = itertools.count(1)
        self._opened: set[int] = set()
        self._starting = threading.Lock()
        self._driver = self._start()
        self.nodes = self._driver.nodes
        self.workers = workers or max(1, self._max_workers())
        self.threads = self._threads_each()

    def threads_for(self, shares: int) -> int | None:
        """None: a worker keeps the processors that Ray has reserved for it."""
        return None

    @property
    def fenced(self) -> bool:
        """False with `--open-trainer` and on CUDA, whose driver is untested under isolation."""
        return self._isolation.fenced and self._device != "cuda"

    @property
    def one_memory(self) -> bool:
        """True if several workers may share a node; each GPU has its own memory."""
        return self._device != "cuda" and self.workers > sum(n.cpus >= self.threads for n in self.nodes)

    def log(self, number: int) -> Path:
        """`trainer.log`, `trainer-1.log` and so on, copied from the nodes."""
        return self._logs / (f"trainer-{number}.log" if number else "trainer.log")

    def open(self, number: int) -> RayConnection:
        """Place worker `number`, or its replacement, on a node; raises `UserError` if the cluster is lost."""
        with self._starting:
            if self._driver.dead:
                self._driver.close()
                self._driver = self._start()
            again = number in self._opened
            self._opened.add(number)
            connection = RayConnection(self._driver, next(self._numbers))
            connection.driver.connections[connection.number] = connection
        request = {
            "connection": connection.number,
            "worker": number,
            "device": self._device,
            "threads": self.threads,
            "fenced": self.fenced,
            "log": str(self.log(number)),
            "again": again,
        }
        try:
            connection.driver.send({"do": "open", **request})
        except Died as death:
            connection.deliver({"died": death.reason})
        return connection

    def close(self) -> None:
        """Leave the cluster; ends it if this executor started it."""
        self._driver.close()

    def __str__(self) -> str:
        has = [(len(self.nodes), "node"), (sum(n.cpus for n in self.nodes), "CPU"), (self._gpus, "GPU")]
        where = ", ".join(f"{number} {what}{'s' if number != 1 else ''}" for number, what in has if number)
        threads = f"{self.threads} thread{'s' if self.threads != 1 else ''}"
        workers = f"{self.workers} worker{'s' if self.workers != 1 else ''}"
        return f"device {self._device} on Ray ({where})   {workers} of {threads}"

    @property
    def _gpus(self) -> int:
        return sum(node.gpus for node in self.nodes)

    def _start(self) -> Driver:
        return Driver(self._address, self._task, self._logs / "ray.log", self._scratch, self._keep, self._note)

    def _max_workers(self) -> int:
        if self._device == "cuda":
            return sum(min(n.gpus, n.cpus) for n in self.nodes)
        return sum(n.cpus > 0 for n in self.nodes)

    def _threads_each(self) -> int:
        """The largest number of processors per worker with which all workers fit."""
        if self._device == "cuda":
            return max(1, min((n.cpus // n.gpus for n in self.nodes if n.gpus), default=1))
        most = max((n.cpus for n in self.nodes), default=1)
        fits = (t for t in range(most, 1, -1) if sum(n.cpus // t for n in self.nodes) >= self.workers)
        return next(fits, 1)
