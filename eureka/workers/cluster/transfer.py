"""What travels between machines: a task's files, the files that a command names, the files that an answer names.

A node's answers are data, perhaps a stranger's: of a path in them only the last part is taken.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from eureka.config.tasks import EnvironmentFile, LoadedTask
from eureka.errors import UserError
from eureka.runs import layout

LARGEST_TASK = 64 << 20
"""Bytes of a task's files at most."""
PIECE = 16 << 20
"""Bytes of a file in one message."""

_WITH_FILES = ("checkpoint", "outcomes")
"""Answers that name files."""
_OWN = ("__pycache__", layout.RECORD)
"""Names of what a task does not need: a folder with the latter is a run."""


def task_files(task: LoadedTask) -> dict[str, Path]:
    """A task's files by their place beside its YAML: those that it names, and all that lie in the folder of its class.

    Hidden files stay, and so do folders that hold a run.

    Raises:
        UserError: they are too large, or not all beside or below the YAML.
    """
    if not task.on_disk:
        return {}
    root = task.path.parent
    beside = [] if isinstance(task.file, EnvironmentFile) else _below(task.module.parent)
    found = {}
    for path in (*task.sources(), *beside):
        relative = os.path.relpath(path, root)
        if relative.startswith(os.pardir):
            raise UserError(f"{task.path} names {relative}, which is not below it: it cannot be sent to other machines")
        found[PurePosixPath(relative).as_posix()] = path
    total = sum(path.stat().st_size for path in found.values())
    if total > LARGEST_TASK:
        raise UserError(
            f"{task.module.parent} holds {(total >> 20) + 1} MiB, and a task that is sent to other machines may have "
            f"{LARGEST_TASK >> 20}: keep the class and what it needs in a folder of their own"
        )
    return found


def _below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in _OWN:
            continue
        if path.is_file():
            yield path
        elif path.is_dir() and not path.is_symlink() and not (path / layout.RECORD).exists():
            yield from _below(path)


def hashes(files: Mapping[str, Path]) -> dict[str, str]:
    """SHA-256 of each."""
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}


def unpack(files: Mapping[str, bytes], folder: Path) -> None:
    """Write a task's files below a folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def outgoing(command: dict[str, Any], bring: Callable[[Path], str], folder: str) -> dict[str, Any]:
    """A command as a trainer process elsewhere can carry it out.

    Args:
        command: with paths of this machine: `file` anywhere in it, `policies` of a probe, `folder` for results.
        bring: takes a file there, and says where it is.
        folder: where results go there.
    """
    there: dict[Path, str] = {}

    def moved(file: str) -> str:
        path = Path(file)
        if path not in there:
            there[path] = bring(path)
        return there[path]

    changed = _with_files(command, lambda named: named | {"file": moved(named["file"])})
    if command.get("command") == "probe":
        changed["policies"] = [moved(file) for file in command["policies"]]
    if "folder" in command:
        changed["folder"] = folder
    return changed


def incoming(answer: dict[str, Any], fetch: Callable[[str, str], str]) -> dict[str, Any]:
    """A trainer process's answer with paths of this machine.

    Args:
        answer: names files as `{"file": ..., "sha256": ...}`.
        fetch: takes such a file's bare name and hash, brings it here, and says where it is.
    """
    if answer.get("kind") not in _WITH_FILES:
        return answer

    def fetched(named: dict[str, Any]) -> dict[str, Any]:
        return named | {"file": fetch(bare(named["file"]), str(named.get("sha256")))}

    return _with_files(answer, fetched)


def bare(name: str) -> str:
    """The last part of a path, which is all that a stranger may choose.

    Raises:
        ValueError: it is no file's name.
    """
    last = PurePosixPath(name).name
    if last in ("", ".", "..") or "\0" in last or len(last.encode()) > 200:
        raise ValueError(f"{name[:80]!r} names no file")
    return last


def _with_files(value: Any, replaced: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """A copy in which every object that names a `file` is replaced."""
    if isinstance(value, list):
        return [_with_files(v, replaced) for v in value]
    if not isinstance(value, dict):
        return value
    copy = {key: _with_files(v, replaced) for key, v in value.items()}
    return replaced(copy) if isinstance(copy.get("file"), str) else copy
