"""Where trainer processes run: on this machine, one a worker or GPU, or wherever else an executor puts them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from eureka.config.tasks import LoadedTask
from eureka.system.hardware import cores, kernel_cache
from eureka.system.paths import shipped
from eureka.workers.isolation import IsolationPolicy
from eureka.workers.process import Worker


class Link(Protocol):
    """A trainer process as the orchestrator sees it, wherever it runs."""

    def send(self, message: dict[str, Any]) -> None:
        """Give it a command.

        Raises:
            Died: it is gone.
        """
        ...

    def receive(self, timeout: float | None = None) -> dict[str, Any] | None:
        """What it says next, or None when `timeout` s pass without a word.

        Raises:
            Died: it is gone, and everything that it said was taken.
        """
        ...

    def kill(self) -> None:
        """End it at once."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class Executor(Protocol):
    """Starts trainer processes."""

    @property
    def workers(self) -> int:
        """How many share a generation."""
        ...

    @property
    def threads(self) -> int:
        """Of each, for physics and learning on a CPU."""
        ...

    @property
    def fenced(self) -> bool:
        """Whether each has to say how it is confined."""
        ...

    @property
    def one_memory(self) -> bool:
        """Whether all of them live in the same memory."""
        ...

    def open(self, number: int) -> Link:
        """Start worker `number`, or start it again in the place of one that died; may be called by several threads.

        Raises:
            UserError: it cannot be started, for a reason that a user can do something about.
        """
        ...

    def log(self, number: int) -> Path:
        """The file with its messages."""
        ...

    def close(self) -> None:
        """Give back what all of them shared, after each was closed."""
        ...

    def __str__(self) -> str:
        """What it works on, in a few words."""
        ...


@dataclass(frozen=True)
class LocalExecutor:
    """Processes on this machine."""

    task: LoadedTask
    logs: Path
    """Folder for their messages."""
    scratch: Path
    """The only folder below which they may write when they are confined."""
    isolation: IsolationPolicy
    keep: Sequence[int] = ()
    """Descriptors that they inherit (the run's worker lock)."""
    device: str = "cpu"
    """One of `eureka.system.hardware.DEVICES`."""
    devices: Sequence[str] = ()
    """GPUs, one a worker, as cuda:0; none for the first there is."""
    count: int | None = None
    """Workers on a CPU; None for one."""

    @property
    def workers(self) -> int:
        """One a GPU, or as many as were asked for."""
        return len(self.devices) or self.count or 1

    @property
    def threads(self) -> int:
        """Processors, dealt evenly."""
        return max(1, cores() // self.workers)

    @property
    def fenced(self) -> bool:
        """Unless the user opened it, or the device's driver has not been tried behind the fence."""
        return self.isolation.fenced and self.device != "cuda"

    @property
    def one_memory(self) -> bool:
        """Processors share their machine's; GPUs have their own."""
        return not self.devices

    def log(self, number: int) -> Path:
        """`trainer.log`, `trainer-1.log` and so on."""
        return self.logs / (f"trainer-{number}.log" if number else "trainer.log")

    def open(self, number: int) -> Worker:
        """Start one, with a folder of its own for temporary files."""
        more = {}
        if self.devices:
            # Each sees its own GPU alone, whatever libraries take for the first one.
            more["CUDA_VISIBLE_DEVICES"] = _visible(self.devices[number])
        own = self.scratch / "tmp" / str(number)
        return started(
            self.task.path, self.device, self.threads, self.fenced, self.scratch, own, self.log(number), self.keep, more
        )

    def close(self) -> None:
        """Nothing is shared."""

    def __str__(self) -> str:
        where = ",".join(self.devices) or self.device
        many = f"{self.workers} workers of " if self.workers > 1 and not self.devices else ""
        return f"device {where}   {many}{self.threads} thread{'s' if self.threads != 1 else ''}"


def started(
    task: Path,
    device: str,
    threads: int,
    fenced: bool,
    scratch: Path,
    own: Path,
    log: Path,
    keep: Sequence[int] = (),
    more: dict[str, str] | None = None,
) -> Worker:
    """A new trainer process on this machine.

    Args:
        task: the task's YAML.
        device: one of `eureka.system.hardware.DEVICES`.
        threads: for physics and learning.
        fenced: whether it starts through the fence.
        scratch: the folder that it may write to then.
        own: a folder below it for its temporary files.
        log: file for its messages.
        keep: descriptors that it inherits.
        more: variables for its environment.
    """
    program = ["eureka.trainer.service", str(task), str(threads), device]
    # It draws nothing, and a graphics library that is not there would end it.
    places, variables = [scratch], {"MUJOCO_GL": "disable", **(more or {})}
    if device != "cpu":
        places.append(kernel_cache())
        variables["WARP_CACHE_PATH"] = str(kernel_cache())
    for place in (own, *places):
        place.mkdir(parents=True, exist_ok=True)
    writable = os.pathsep.join(str(place) for place in places)
    fence = [str(shipped("sandbox") / "fence.py"), writable] if fenced else ["-m"]
    return Worker(["-P", *fence, *program], log, keep, own, variables)


def _visible(device: str) -> str:
    """What CUDA_VISIBLE_DEVICES is to be for `cuda:N`, the N-th of those that are visible now."""
    number = int(device.partition(":")[2])
    now = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return now[number] if number < len(now) else str(number)
