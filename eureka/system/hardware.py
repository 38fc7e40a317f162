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


def available_memory(proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes that are available without swapping, within the limits of control groups; no limit if none is known."""
    found = [int(line.split()[1]) << 10 for line in _lines(proc / "meminfo") if line.startswith("MemAvailable")]
    for line in _lines(proc / "self" / "cgroup"):
        controllers, path = line.split(":", 2)[1:]
        if not controllers:
            root, names = groups, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            root, names = groups / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        folder = root / path.lstrip("/")
        found += [_left(f, *names) for f in (folder, *folder.parents) if f.is_relative_to(root)]
    return max(0, min(found, default=sys.maxsize))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _left(group: Path, limit: str, used: str, cache: str) -> int:
    """Bytes that a control group may still use; its cached files can be dropped."""
    values = [next(iter(_lines(group / name)), "max") for name in (limit, used)]
    if "max" in values:
        return sys.maxsize
    dropped = next((int(line.split()[1]) for line in _lines(group / "memory.stat") if line.startswith(f"{cache} ")), 0)
    return int(values[0]) - int(values[1]) + dropped


def oom_kills() -> int:
    """Processes that the kernel has ended for lack of memory since it started; 0 if it does not say."""
    return next((int(line.split()[1]) for line in _lines(Path("/proc/vmstat")) if line.startswith("oom_kill ")), 0)


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
