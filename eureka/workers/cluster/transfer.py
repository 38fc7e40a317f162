"""Files sent between machines. Answers of a node are untrusted: only the last part of a path in them is used."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from eureka.config.tasks import EnvironmentFile, LoadedTask
from eureka.errors import UserError
from eureka.runs.layout import files_below
from eureka.workers.messages import Answer, Command, FileReference, HashedFile, Train

LARGEST_TASK = 64 << 20  # maximum size of a task's files, bytes
PART = 16 << 20  # maximum size of a part of a file that is sent at once, bytes


def task_files(task: LoadedTask) -> dict[str, Path]:
    """The files that a task names and those beside its class, by path relative to its YAML.

    Hidden files and folders that hold a run are left out. Raises `UserError` if they are too large, or one is outside.
    """
    if not task.on_disk:
        return {}
    root = task.path.parent
    beside = [] if isinstance(task.file, EnvironmentFile) or task.base else files_below(task.module.parent)
    found = {}
    for path in (*task.sources(), *beside):
        relative = os.path.relpath(path, root)
        if relative.startswith(os.pardir):
            raise UserError(
                f"{task.path} names {relative}, outside its folder: it cannot be sent to other machines; move it"
            )
        found[PurePosixPath(relative).as_posix()] = path
    total = sum(path.stat().st_size for path in found.values())
    if total > LARGEST_TASK:
        raise UserError(
            f"{task.module.parent} holds {(total >> 20) + 1} MiB; a task that is sent to other machines may have "
            f"{LARGEST_TASK >> 20} MiB: move the class and the files that it needs to a separate folder"
        )
    return found


def hashes(files: Mapping[str, Path]) -> dict[str, str]:
    """SHA-256 of each file."""
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}


def unpack(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files into a folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def outgoing(command: Command, upload: Callable[[Path], str], folder: str) -> Command:
    """A command with the paths of another machine; `upload` returns them, and `folder` is that for results."""
    upload = functools.cache(upload)
    changed = command.replace_files(lambda reference: upload(Path(reference.file)))
    return changed.model_copy(update={"folder": folder}) if isinstance(changed, Train) else changed


def incoming(answer: Answer, download: Callable[[str, str], str]) -> Answer:
    """An answer with the paths of this machine, by name and SHA-256; raises `ValueError` for an invalid name."""

    def path_of(reference: FileReference) -> str:
        assert isinstance(reference, HashedFile)
        return download(bare(reference.file), reference.sha256)

    return answer.replace_files(path_of)


def bare(path: str) -> str:
    """The last part of an untrusted path; raises `ValueError` if it is not a valid file name."""
    last = PurePosixPath(path).name
    if last in ("", ".", "..") or "\0" in last or len(last.encode()) > 200:
        raise ValueError(f"{path[:80]!r} does not end in a valid file name")
    return last
