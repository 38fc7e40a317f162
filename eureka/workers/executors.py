"""Executors start trainer processes. The local executor starts one per worker, or one per GPU, on this machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from eureka.config.external import ExternalFile
from eureka.config.tasks import LoadedTask
from eureka.errors import UserError
from eureka.system.hardware import cores, kernel_cache
from eureka.system.paths import shipped
from eureka.system.processes import end_left_behind
from eureka.workers.isolation import IsolationPolicy
from eureka.workers.process import Worker


class Connection(Protocol):
    """A connection to a trainer process on this or another machine; frames are JSON objects."""

    def send(self, message: dict[str, Any]) -> None:
        """Send a frame; raises `Died`."""

    def receive(self, timeout: float | None = None) -> dict[str, Any] | None:
        """The next frame, or None after `timeout` s; raises `Died` after the last one."""

    def kill(self) -> None:
        """Kill the process."""

    def close(self) -> None:
        """End the process."""


class Executor(Protocol):
    """Starts trainer processes."""

    @property
    def workers(self) -> int:
        """Number of trainer processes that share a population."""
        ...

    @property
    def threads(self) -> int:
        """CPU threads of each trainer process."""
        ...

    def threads_for(self, shares: int) -> int | None:
        """CPU threads of a trainer process while `shares` of them train; None for `threads`."""
        ...

    @property
    def fenced(self) -> bool:
        """Whether each trainer process must report its isolation."""
        ...

    @property
    def one_memory(self) -> bool:
        """Whether the trainer processes share memory, so that more of them do not hold more members."""
        ...

    def open(self, number: int) -> Connection:
        """Start worker `number`, or its replacement. Thread-safe. Raises `UserError` if the user can help it."""
        ...

    def log(self, number: int) -> Path:
        """The log file of a worker."""
        ...

    def close(self) -> None:
        """Release shared resources, after all connections were closed."""

    def __str__(self) -> str:
        """Devices, workers and threads, on one line."""
        ...


@dataclass(frozen=True)
class LocalExecutor:
    """Starts trainer processes on this machine."""

    task: LoadedTask
    logs: Path
    scratch: Path  # isolated processes can write to it
    isolation: IsolationPolicy
    keep: Sequence[int] = ()  # file descriptors that the processes inherit: the worker lock of the run
    device: str = "cpu"  # one of `eureka.system.hardware.DEVICES`
    devices: Sequence[str] = ()  # GPUs such as `cuda:0`, one per worker; empty for the first GPU
    count: int | None = None  # number of workers on a CPU; None for one

    @property
    def workers(self) -> int:
        """One per GPU, or the number asked for."""
        return len(self.devices) or self.count or 1

    @property
    def threads(self) -> int:
        """An equal share of the processors."""
        return max(1, cores() // self.workers)

    def threads_for(self, shares: int) -> int | None:
        """An equal share of the processors, also of those of idle workers."""
        return None if self.devices else max(1, cores() // shares)

    @property
    def fenced(self) -> bool:
        """False with `--open-trainer` and on CUDA, whose driver is untested under isolation."""
        return self.isolation.fenced and self.device != "cuda"

    @property
    def one_memory(self) -> bool:
        """True on a CPU; each GPU has its own memory."""
        return not self.devices

    def log(self, number: int) -> Path:
        """`trainer.log`, `trainer-1.log` and so on."""
        return self.logs / (f"trainer-{number}.log" if number else "trainer.log")

    def open(self, number: int) -> Worker:
        """Start a worker with its own folder for temporary files."""
        check_copy(self.task, self.fenced)
        more = {}
        if self.devices:
            # Only this GPU is visible, because libraries use the first one that they see.
            more["CUDA_VISIBLE_DEVICES"] = _visible_device(self.devices[number])
        own = self.scratch / "tmp" / str(number)
        return start_trainer(
            self.task.path, self.device, self.threads, self.fenced, self.scratch, own, self.log(number), self.keep, more
        )

    def close(self) -> None:
        """Nothing is shared."""

    def __str__(self) -> str:
        where = ",".join(self.devices) or self.device
        many = f"{self.workers} workers of " if self.workers > 1 and not self.devices else ""
        return f"device {where}   {many}{self.threads} thread{'s' if self.threads != 1 else ''}"


@dataclass(frozen=True)
class CommandExecutor:
    """Starts the process that runs a task's own training command, several at the same time."""

    task: LoadedTask
    logs: Path
    scratch: Path
    keep: Sequence[int] = ()
    devices: Sequence[str] = ()  # GPUs such as `cuda:0`, by slot in turn; empty: the commands see all
    slots: int = 1  # commands at the same time

    workers = 1
    fenced = False
    one_memory = True

    @property
    def threads(self) -> int:
        """Here the number of commands at the same time."""
        return self.slots

    def threads_for(self, shares: int) -> int | None:
        """As given."""
        return None

    def log(self, number: int) -> Path:
        """`trainer.log`."""
        return self.logs / "trainer.log"

    def open(self, number: int) -> Worker:
        """Start the process."""
        check_copy(self.task, self.fenced)
        assert isinstance(self.task.file, ExternalFile)
        more = {"EUREKA_GPUS": ",".join(map(_visible_device, self.devices))}
        more["MUJOCO_GL"] = os.environ.get("MUJOCO_GL", "")  # a command may render
        for name in self.task.file.trainer.environment:
            if name not in os.environ:
                raise UserError(f"{self.task.path}: trainer.environment names {name}, which is not set")
            more[f"EUREKA_PASS_{name}"] = os.environ[name]
        own = self.scratch / "tmp" / str(number)
        return start_trainer(
            self.task.path, "cpu", self.slots, self.fenced, self.scratch, own, self.log(number), self.keep, more
        )

    def close(self) -> None:
        """End what commands may have left behind."""
        end_left_behind(self.scratch)

    def __str__(self) -> str:
        """How many commands run at the same time, and on which GPUs."""
        many = f"{self.slots} command{'s' if self.slots != 1 else ''} at a time"
        return f"trained by the task's command, not isolated   {many}{''.join(f'   {d}' for d in self.devices)}"


def check_copy(task: LoadedTask, fenced: bool) -> None:
    """Raise `UserError` for code from a run's folder, which may come from elsewhere, without isolation."""
    if task.original and not fenced:
        raise UserError(
            f"{task.original} is missing, and the run's copy runs only in an isolated trainer, not with "
            f"--open-trainer, --sandbox container or none, or on a GPU; restore the task from {task.path.parent}"
        )


def start_trainer(
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
    """Start a trainer process on this machine.

    Its standard error goes to `log`, its temporary files to `own` inside `scratch`; it can write to `scratch` if it is
    `fenced`. It inherits the file descriptors `keep` and the environment variables `more`.
    """
    program = ["eureka.trainer.service", str(task), str(threads), device]
    # It renders nothing, and would fail if a graphics library is missing.
    places, variables = [scratch], {"MUJOCO_GL": "disable", **(more or {})}
    if device != "cpu":
        places.append(kernel_cache())
        variables["WARP_CACHE_PATH"] = str(kernel_cache())
    for place in (own, *places):
        place.mkdir(parents=True, exist_ok=True)
    writable = os.pathsep.join(str(place) for place in places)
    fence = [str(shipped("sandbox") / "fence.py"), writable] if fenced else ["-m"]
    return Worker(["-P", *fence, *program], log, keep, own, variables)


def _visible_device(device: str) -> str:
    """The value of CUDA_VISIBLE_DEVICES for `cuda:N`, the N-th GPU that is visible now."""
    number = int(device.partition(":")[2])
    now = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return now[number] if number < len(now) else str(number)
