"""Where trainings run: `--device`, `--devices`, `--workers` and `--executor` resolved on this machine."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from eureka.config.options import DeviceOptions
from eureka.config.settings import Settings
from eureka.config.tasks import EnvironmentFile, LoadedTask
from eureka.errors import UserError, did_you_mean
from eureka.system.hardware import DEVICES, available_memory, cores, gpu, gpus, missing
from eureka.workers.executors import CommandExecutor, Executor, LocalExecutor
from eureka.workers.isolation import IsolationPolicy

_EXECUTORS = ("local", "ray")


def resolve(task: LoadedTask, options: DeviceOptions) -> dict[str, Any]:
    """The settings of a new run for devices, workers and executor; raises `UserError` if an option cannot be used."""
    device, devices, workers = options.device, options.devices, options.workers
    executor = _executor(options.executor or "local")
    local = executor == "local"
    if task.external:
        return _for_commands(options)
    if devices is not None and device == "auto":
        device = "cuda"
    device = _device(device, task, local)
    named = _gpus_named(devices, device, local) if devices is not None else ()
    _check_workers(workers, device, local)
    return {"device": device, "devices": named, "workers": workers, "executor": executor}


def apply_device_changes(task: LoadedTask | None, settings: Settings, options: DeviceOptions) -> dict[str, Any]:
    """The same for a resumed run or a comparison; options that are not given keep their settings."""
    if task and task.external:
        kept = _for_commands(options)
        given = {"devices": options.devices is not None, "workers": options.workers is not None}
        return kept | {name: getattr(settings, name) for name, is_given in given.items() if not is_given}
    device, devices, workers = options.device, options.devices, options.workers
    executor = _executor(options.executor) if options.executor else _trusted(settings.executor)
    local = executor == "local"
    moved = device != "auto" and task is not None
    device = _device(device, task, local) if moved and task else settings.device
    if devices is None and settings.devices and workers is None and local and device == "cuda":
        devices = ",".join(settings.devices)
    named = _gpus_named(devices, device, local) if devices is not None else ()
    _check_workers(workers, device, local)
    if workers is None and settings.workers and executor == settings.executor and device == settings.device:
        # Another machine may have fewer processors.
        workers = min(settings.workers, cores()) if local else settings.workers
    return {"device": device, "devices": named, "workers": workers, "executor": executor}


def _for_commands(options: DeviceOptions) -> dict[str, Any]:
    """The settings for a task that a command trains: how many run at the same time, and on which GPUs."""
    if options.executor not in (None, "local"):
        raise UserError(f"--executor {options.executor}: a training command runs on this machine; remove it")
    if options.device != "auto":
        raise UserError(f"--device {options.device}: the command chooses its device; use --devices cuda:0")
    devices = tuple(name.strip() for name in options.devices.split(",")) if options.devices else ()
    for name in devices:
        if not re.fullmatch(r"cuda:\d+", name):
            raise UserError(f"--devices {options.devices}: {name!r} is not a GPU; use names such as cuda:0,cuda:1")
    if options.workers is not None and options.workers < 1:
        raise UserError(f"--workers must be at least 1, not {options.workers}")
    return {"device": "cpu", "devices": devices, "workers": options.workers, "executor": "local"}


_MEMORY_EACH = 1.5 * 2**30  # bytes that must be available for each trainer process


def with_workers(settings: Settings, trainings: int) -> Settings:
    """The settings with a number of trainer processes, if they are to share this machine's processors.

    One per processor, as long as each of them has two of the `trainings` and the memory suffices.
    """
    if settings.workers is not None or settings.executor != "local" or settings.device != "cpu":
        return settings
    count = min(cores(), trainings // 2, int(available_memory() / _MEMORY_EACH))
    return settings.model_copy(update={"workers": max(1, count)})


def _executor(name: str) -> str:
    kind, _, address = name.partition(":")
    if kind not in _EXECUTORS or (kind == "local" and address):
        raise UserError(f"unknown executor {name!r}{did_you_mean(kind, _EXECUTORS)}; use local, ray or ray:ADDRESS")
    return name


def _trusted(executor: str) -> str:
    """The executor of a run folder, which is untrusted and must not make this machine join a cluster."""
    if executor not in ("local", "ray", "ray:auto"):
        raise UserError(f"the run was trained on {executor}; add --executor {executor} to join that cluster again")
    return executor


def _device(name: str, task: LoadedTask, local: bool) -> str:
    """The device by name; `auto` selects the GPU if it can be used."""
    if name not in ("auto", *DEVICES):
        raise UserError(f"unknown device {name!r}{did_you_mean(name, DEVICES)}; use one of auto, {', '.join(DEVICES)}")
    by_id = isinstance(task.file, EnvironmentFile)
    if name == "auto":
        return "cpu" if by_id or not local or not gpu() or missing() else "cuda"
    if name == "cpu":
        return name
    if by_id:
        raise UserError(f"--device {name}: Gymnasium environments run on the CPU only; use --device cpu")
    if missing():
        raise UserError(f"--device {name} needs mujoco-warp; install it with pip install -e '.[gpu]' in the checkout")
    if name == "cuda" and local and not gpu():
        raise UserError("--device cuda: torch finds no GPU on this machine (see eureka doctor); use --device cpu")
    return name


def _gpus_named(devices: str, device: str, local: bool) -> tuple[str, ...]:
    """The GPUs of `--devices`, such as `cuda:0`."""
    if not local:
        raise UserError("--devices: Ray assigns the GPUs of its nodes; use --device cuda --workers N instead")
    if device != "cuda":
        raise UserError(f"--devices names GPUs, but --device is {device}; omit one of them, or use --workers N")
    names = tuple(name.strip() for name in devices.split(","))
    for name in names:
        if not re.fullmatch(r"cuda:\d+", name):
            raise UserError(f"--devices {devices}: {name!r} is not a GPU; use names such as cuda:0,cuda:1")
        if int(name.partition(":")[2]) >= len(gpus()):
            raise UserError(f"--devices {devices}: no {name} on this machine; the number of GPUs is {len(gpus())}")
    if len(set(names)) < len(names):
        raise UserError(f"--devices {devices}: a GPU is named twice; each GPU runs one trainer")
    return names


def _check_workers(workers: int | None, device: str, local: bool) -> None:
    """Check that there is a processor for each worker."""
    if workers is None:
        return
    if workers < 1:
        raise UserError(f"--workers must be at least 1, not {workers}")
    if not local:
        return
    if device == "cuda":
        raise UserError("--workers applies to the CPU; for several GPUs, use --devices cuda:0,cuda:1")
    if workers > cores():
        raise UserError(
            f"--workers {workers}: this machine has {cores()} processors; use at most one worker per processor"
        )


def make_executor(
    settings: Settings,
    task: LoadedTask,
    logs: Path,
    scratch: Path,
    isolation: IsolationPolicy,
    keep: Sequence[int],
    note: Callable[[str], None],
) -> Executor:
    """The executor of a run; raises `UserError` if it cannot join a cluster. `note` may be called by another thread."""
    if task.external:
        slots = settings.workers or len(settings.devices) or 1
        return CommandExecutor(task, logs, scratch, keep, settings.devices, slots)
    if settings.executor == "local":
        where = (settings.device, settings.devices, settings.workers)
        return LocalExecutor(task, logs, scratch, isolation, keep, *where)
    from eureka.workers.cluster.executor import Cluster

    address = settings.executor.partition(":")[2] or None
    return Cluster(address, task, logs, scratch, isolation, keep, settings.device, settings.workers, note)
