"""Where trainings run: what `--device`, `--devices`, `--workers` and `--executor` come to on this machine."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from eureka.config.options import DeviceOptions
from eureka.config.settings import Settings
from eureka.config.tasks import EnvironmentFile, LoadedTask
from eureka.errors import UserError, did_you_mean
from eureka.system.hardware import DEVICES, cores, gpu, gpus, missing
from eureka.workers.executors import Executor, LocalExecutor
from eureka.workers.isolation import IsolationPolicy

_EXECUTORS = ("local", "ray")


def resolve(task: LoadedTask, options: DeviceOptions) -> dict[str, Any]:
    """The settings of a new run for devices, workers and executor.

    Raises:
        UserError: an option is not available, or two options contradict each other.
    """
    device, devices, workers = options.device, options.devices, options.workers
    executor = _executor(options.executor or "local")
    local = executor == "local"
    if devices is not None and device == "auto":
        device = "cuda"
    device = _device(device, task, local)
    named = _named(devices, device, local) if devices is not None else ()
    _enough(workers, device, named, local)
    return {"device": device, "devices": named, "workers": workers, "executor": executor}


def apply_device_changes(task: LoadedTask | None, settings: Settings, options: DeviceOptions) -> dict[str, Any]:
    """The same for a resumed run or a comparison, where options that are not given keep their settings.

    Args:
        task: the task; None where the device stays the same.
        settings: the previous settings.
        options: the changes.

    Raises:
        UserError: as for `resolve`.
    """
    device, devices, workers = options.device, options.devices, options.workers
    executor = _executor(options.executor) if options.executor else _trusted(settings.executor)
    local = executor == "local"
    moved = device != "auto" and task is not None
    device = _device(device, task, local) if moved and task else settings.device
    if devices is None and settings.devices and workers is None and local and device == "cuda":
        devices = ",".join(settings.devices)
    named = _named(devices, device, local) if devices is not None else ()
    workers = workers if workers is not None or named else settings.workers
    _enough(workers, device, named, local)
    return {"device": device, "devices": named, "workers": workers, "executor": executor}


def _executor(name: str) -> str:
    kind, _, address = name.partition(":")
    if kind not in _EXECUTORS or (kind == "local" and address):
        raise UserError(f"no executor {name!r}{did_you_mean(kind, _EXECUTORS)}; there are local, ray and ray:ADDRESS")
    return name


def _trusted(executor: str) -> str:
    """A run's folder may be a stranger's: its word alone has no cluster joined, whose nodes Ray trusts."""
    if executor not in ("local", "ray", "ray:auto"):
        raise UserError(f"the run was trained on {executor}; to join that cluster again, add --executor {executor}")
    return executor


def _device(name: str, task: LoadedTask, local: bool) -> str:
    """The device that a name stands for; `auto` is the GPU where one can be used."""
    if name not in ("auto", *DEVICES):
        raise UserError(f"no device {name!r}{did_you_mean(name, DEVICES)}; there are auto, {', '.join(DEVICES)}")
    by_id = isinstance(task.file, EnvironmentFile)
    if name == "auto":
        return "cpu" if by_id or not local or not gpu() or missing() else "cuda"
    if name == "cpu":
        return name
    if by_id:
        raise UserError(f"--device {name}: an environment named by its id runs through Gymnasium, on the CPU alone")
    if missing():
        raise UserError(f"--device {name} needs mujoco-warp: pip install -e '.[gpu]' in the checkout")
    if name == "cuda" and local and not gpu():
        raise UserError("--device cuda: torch sees no GPU here (eureka doctor says more); use cpu")
    return name


def _named(devices: str, device: str, local: bool) -> tuple[str, ...]:
    """GPUs by name, as cuda:0."""
    if not local:
        raise UserError("--devices names GPUs of this machine; Ray chooses them itself: give --device cuda --workers N")
    if device != "cuda":
        raise UserError(f"--devices names GPUs, and --device is {device}; leave one of them out, or give --workers N")
    names = tuple(name.strip() for name in devices.split(","))
    for name in names:
        if not re.fullmatch(r"cuda:\d+", name):
            raise UserError(f"--devices {devices}: {name!r} is no GPU; give them as cuda:0,cuda:1")
        if int(name.partition(":")[2]) >= len(gpus()):
            raise UserError(f"--devices {devices}: there is no {name} here; torch sees {len(gpus())}")
    if len(set(names)) < len(names):
        raise UserError(f"--devices {devices}: each GPU takes one trainer; name it once")
    return names


def _enough(workers: int | None, device: str, devices: tuple[str, ...], local: bool) -> None:
    """See whether there is something for each worker."""
    if workers is None:
        return
    if workers < 1:
        raise UserError(f"--workers must be at least 1, not {workers}")
    if not local:
        return
    if device == "cuda":
        raise UserError("--workers is for processors; name the GPUs instead, one trainer each: --devices cuda:0,cuda:1")
    if workers > cores():
        raise UserError(f"--workers {workers}: each needs a processor, and there are {cores()} here")


def make_executor(
    settings: Settings,
    task: LoadedTask,
    logs: Path,
    scratch: Path,
    isolation: IsolationPolicy,
    keep: Sequence[int],
    note: Callable[[str], None],
) -> Executor:
    """What starts a run's trainer processes.

    Args:
        settings: which say where.
        task: what is to be trained.
        logs: folder for their messages.
        scratch: folder that they work in.
        isolation: whether they are fenced in.
        keep: descriptors that they inherit.
        note: told what people should know, perhaps by another thread.

    Raises:
        UserError: a cluster cannot be joined.
    """
    if settings.executor == "local":
        where = (settings.device, settings.devices, settings.workers)
        return LocalExecutor(task, logs, scratch, isolation, keep, *where)
    from eureka.workers.cluster.executor import Cluster

    address = settings.executor.partition(":")[2] or None
    return Cluster(address, task, logs, scratch, isolation, keep, settings.device, settings.workers, note)
