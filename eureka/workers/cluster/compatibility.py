"""Properties of a machine that decide its results, compared between two machines."""

from __future__ import annotations

import hashlib
import platform
import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import eureka
from eureka.system.paths import shipped

_PACKAGES = ("torch", "mujoco", "numpy", "gymnasium", "gymnasium-robotics")
_FOR_GPUS = ("mujoco-warp", "warp-lang")
_NONE = "none"

VECTORS = "vector instructions"  # the only property that may differ; torch then sums in another order


def facts(device: str) -> dict[str, str]:
    """What results on `device` depend on, besides task, settings and seed."""
    found = {"python": platform.python_version(), "eureka": f"{eureka.__version__} (source {_source()})"}
    for package in _PACKAGES + (_FOR_GPUS if device != "cpu" else ()):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = _NONE
    found["processor"] = platform.machine()
    found[VECTORS] = _vectors()
    return found


def difference(node: str, there: Mapping[str, str], here: Mapping[str, str], device: str) -> str | None:
    """The first difference, as one sentence; None if results are the same."""
    for name, mine in here.items():
        theirs = there.get(name, _NONE)
        if name == VECTORS or theirs == mine:
            continue
        # The suffix of a GPU build names its CUDA version. Results on GPUs are not equal to the last bit anyway.
        if device == "cuda" and theirs.partition("+")[0] == mine.partition("+")[0]:
            continue
        remedy = "use nodes with the same processor" if name == "processor" else f"install the same {name} on both"
        return f"{node} has {name} {theirs} and this machine has {mine}: results would differ; {remedy}"
    return None


def _source() -> str:
    """A short hash of the source of this installation and of its sandbox."""
    digest = hashlib.sha256()
    package = Path(eureka.__file__).parent
    for folder in (package, shipped("sandbox")):
        inside = folder == package
        for path in sorted(folder.rglob("*.py") if inside else folder.glob("*.py")):
            relative = path.relative_to(folder).as_posix()
            if not (inside and relative.startswith("_shipped/")):
                digest.update(relative.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:8]


def _vectors() -> str:
    """The widest vector instructions that torch can use."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return _NONE
    line = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    has = set(line.group(1).split()) if line else set()
    return next((name for name in ("avx512f", "avx2", "sve", "asimd") if name in has), _NONE)
