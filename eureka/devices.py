"""Which devices there are, found out without the weight of torch where there is no GPU."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

DEVICES = ("cpu", "cuda", "warp-cpu")
"""`cpu` is `mujoco.batch`; `cuda` MuJoCo Warp; `warp-cpu` the latter's code on the processor: slow, to try it."""


def gpu() -> str:
    """The name of the GPU that torch would use; nothing if there is none."""
    driver = any(Path(place).exists() for place in ("/dev/nvidiactl", "/dev/dxg", "/dev/nvhost-gpu"))
    if not driver or importlib.util.find_spec("torch") is None:
        return ""
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""


def missing() -> bool:
    """Whether the simulator for GPUs is not installed."""
    return importlib.util.find_spec("mujoco_warp") is None


def kernel_cache() -> Path:
    """Where compiled kernels are kept between runs."""
    given = os.environ.get("WARP_CACHE_PATH")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(given) if given else home / "eureka" / "kernels"
