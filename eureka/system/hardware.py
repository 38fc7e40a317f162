"""Which devices there are; torch is asked in a process of its own, and only where there is a driver."""

from __future__ import annotations

import functools
import importlib.util
import os
import subprocess
import sys
from pathlib import Path


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


DEVICES = ("cpu", "cuda", "warp-cpu")
"""`cpu` is `mujoco.batch`; `cuda` MuJoCo Warp; `warp-cpu` the latter's code on the processor: slow, to try it."""


_DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/nvhost-gpu")
_ASK = "import torch; [print(torch.cuda.get_device_name(i)) for i in range(torch.cuda.device_count())]"


@functools.cache
def gpus() -> tuple[str, ...]:
    """The names of the GPUs that torch sees."""
    if not any(Path(driver).exists() for driver in _DRIVERS) or importlib.util.find_spec("torch") is None:
        return ()
    said = subprocess.run([sys.executable, "-P", "-c", _ASK], capture_output=True, text=True).stdout
    return tuple(said.split("\n")[:-1])


def gpu() -> str:
    """The name of the GPU that torch would use; nothing if there is none."""
    return next(iter(gpus()), "")


def missing() -> bool:
    """Whether the simulator for GPUs is not installed."""
    return importlib.util.find_spec("mujoco_warp") is None


def kernel_cache() -> Path:
    """Where compiled kernels are kept between runs."""
    given = os.environ.get("WARP_CACHE_PATH")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(given) if given else home / "eureka" / "kernels"
