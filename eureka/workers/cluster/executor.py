"""The orchestrator's side of a Ray cluster: an executor whose trainer processes run on its nodes."""

from __future__ import annotations

import importlib.util
import itertools
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from eureka.config.tasks import LoadedTask
from eureka.errors import UserError
from eureka.workers.cluster.driver import Driver, RayLink
from eureka.workers.cluster.transfer import task_files
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
        """Join a cluster, or start one on this machine.

        Args:
            address: of a cluster, as HOST:PORT, or auto for the one that this machine belongs to; None to start one.
            task: the task, whose code runs on the nodes and never in this process.
            logs: folder for the messages of the trainer processes and of Ray.
            scratch: folder for what is unfinished.
            isolation: whether trainer processes are fenced in, on their nodes.
            keep: descriptors that the driver inherits (the run's worker lock).
            device: `cpu`, `cuda` or `warp-cpu`.
            workers: how many share a generation; None for one a GPU, or one a node that has none.
            note: told what people should know, by a thread of its own.

        Raises:
            UserError: Ray is not installed, or no cluster answers, or the task is too large to be sent.
        """
        if importlib.util.find_spec("ray") is None:
            raise UserError("--executor ray needs Ray: pip install -e '.[ray]' in the checkout")
        if address is not None and "://" in address:
            raise UserError(
                f"--executor ray:{address}: start eureka on a machine of the cluster and give HOST:PORT or auto; "
                "Ray's client protocol is not supported"
            )
        if address not in (None, "auto") and not re.fullmatch(r"(\[[^\]]+\]|[^:\s]+):\d{1,5}", address):
            raise UserError(f"--executor ray:{address}: give the cluster's address as HOST:PORT, or auto")
        task_files(task)
        self._address, self._task, self._logs, self._scratch = address, task, logs.absolute(), scratch.absolute()
        self._confinement, self._keep, self._device, self._note = isolation, keep, device, note
        self._numbers = itertools.count(1)
        self._opened: set[int] = set()
        self._starting = threading.Lock()
        self._driver = self._start()
        self.nodes = self._driver.nodes
        self.workers = workers or max(1, self._most())
        self.threads = self._each()

    @property
    def fenced(self) -> bool:
        """Unless the user opened it, or the device's driver has not been tried behind the fence."""
        return self._confinement.fenced and self._device != "cuda"

    @property
    def one_memory(self) -> bool:
        """Where several workers share a node, they may share its memory too; a GPU has its own."""
        return self._device != "cuda" and self.workers > sum(n.cpus >= self.threads for n in self.nodes)

    def log(self, number: int) -> Path:
        """`trainer.log`, `trainer-1.log` and so on: what a trainer process on a node said, brought here."""
        return self._logs / (f"trainer-{number}.log" if number else "trainer.log")

    def open(self, number: int) -> RayLink:
        """Place worker `number` on a node, or another one in the place of one that died.

        Raises:
            UserError: the cluster is gone.
        """
        with self._starting:
            if self._driver.dead:
                self._driver.close()
                self._driver = self._start()
            again = number in self._opened
            self._opened.add(number)
            link = RayLink(self._driver, next(self._numbers))
            link.driver.links[link.number] = link
        wish = {
            "link": link.number,
            "worker": number,
            "device": self._device,
            "threads": self.threads,
            "fenced": self.fenced,
            "log": str(self.log(number)),
            "again": again,
        }
        try:
            link.driver.send({"do": "open", **wish})
        except Died as death:
            link.said({"died": death.reason})
        return link

    def close(self) -> None:
        """Leave the cluster, or end it if it is ours."""
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

    def _most(self) -> int:
        if self._device == "cuda":
            return sum(min(n.gpus, n.cpus) for n in self.nodes)
        return sum(n.cpus > 0 for n in self.nodes)

    def _each(self) -> int:
        """Processors of each worker: as many as leave room for all of them."""
        if self._device == "cuda":
            return max(1, min((n.cpus // n.gpus for n in self.nodes if n.gpus), default=1))
        most = max((n.cpus for n in self.nodes), default=1)
        fits = (t for t in range(most, 1, -1) if sum(n.cpus // t for n in self.nodes) >= self.workers)
        return next(fits, 1)
