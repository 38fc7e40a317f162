"""Paths of the shipped prompts, tasks and sandbox: next to the package in a checkout, inside it in a wheel."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

_PACKAGE = Path(__file__).resolve().parent.parent
CALLED_FROM = "EUREKA_CALLED_FROM"
"""Environment variable that tells workers, which run in other folders, where the command was called."""


def shipped(kind: str) -> Path:
    """The folder `prompts`, `tasks` or `sandbox` of this installation."""
    installed = _PACKAGE / "_shipped" / kind
    return installed if installed.is_dir() else _PACKAGE.parent / kind


def load_sandbox(module: str) -> ModuleType:
    """Load a module of `sandbox/` by path, without a change of `sys.path`.

    The package has a private name, so a top-level `sandbox` of another distribution cannot replace it.
    """
    package = "eureka_sandbox"
    if package not in sys.modules:
        _load(package, shipped("sandbox") / "__init__.py", search=[str(shipped("sandbox"))])
    name = f"{package}.{module}"
    return sys.modules.get(name) or _load(name, shipped("sandbox") / f"{module}.py")


def load_file(name: str, path: Path) -> ModuleType:
    """Run the Python file at `path` as the module `name` (code of a task or user, never of a candidate)."""
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
