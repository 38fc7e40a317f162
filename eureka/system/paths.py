"""Where the shipped prompts, tasks and sandbox are: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

_PACKAGE = Path(__file__).resolve().parent.parent


def shipped(kind: str) -> Path:
    """The folder `prompts`, `tasks` or `sandbox` that belongs to this installation."""
    installed = _PACKAGE / "_shipped" / kind
    return installed if installed.is_dir() else _PACKAGE.parent / kind


def load_sandbox(module: str) -> ModuleType:
    """A module of `sandbox/`, loaded by path: its folder is never put on `sys.path`.

    The package is registered under a private name, so that a stranger's top-level `sandbox` cannot take its place.
    """
    package = "eureka_sandbox"
    if package not in sys.modules:
        _load(package, shipped("sandbox") / "__init__.py", search=[str(shipped("sandbox"))])
    name = f"{package}.{module}"
    return sys.modules.get(name) or _load(name, shipped("sandbox") / f"{module}.py")


def load_file(name: str, path: Path) -> ModuleType:
    """Run the Python file at `path` as a module called `name` (a task's own code, never a candidate's)."""
    return _load(name, path)


def _load(name: str, path: Path, search: list[str] | None = None) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=search)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
