"""Detection of devices. Torch is queried in a separate process, and only if a GPU driver is present."""

from __future__ import annotations

import functools
import importlib.util
import os
import subprocess
import sys
from pathlib import Path


def cores() -> int:
    """Number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_memory() -> int:
    """Bytes of memory that are available without swapping; no limit where the system does not say."""
    path = Path("/proc/meminfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable")), sys.maxsize)


DEVICES = ("cpu", "cuda", "warp-cpu")
"""`cpu` is `mujoco.batch`, `cuda` is MuJoCo Warp, `warp-cpu` is MuJoCo Warp on the CPU: slow, for tests."""


_DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/nvhost-gpu")
_ASK = "import torch; [print(torch.cuda.get_device_name(i)) for i in range(torch.cuda.device_count())]"


@functools.cache
def gpus() -> tuple[str, ...]:
    """Names of the GPUs that torch can use."""
    if not any(Path(driver).exists() for driver in _DRIVERS) or importlib.util.find_spec("torch") is None:
        return ()
    names = subprocess.run([sys.executable, "-P", "-c", _ASK], capture_output=True, text=True).stdout
    return tuple(names.split("\n")[:-1])


def gpu() -> str:
    """Name of the first GPU; an empty string if there is none."""
    return next(iter(gpus()), "")


def missing() -> bool:
    """Whether MuJoCo Warp is not installed."""
    return importlib.util.find_spec("mujoco_warp") is None


def kernel_cache() -> Path:
    """Folder of the compiled kernels, kept between runs."""
    given = os.environ.get("WARP_CACHE_PATH")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(given) if given else home / "eureka" / "kernels"
