"""Atomic file writes, and one-sentence errors for disk problems."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from eureka.errors import StorageFault, UserError


def read_source(path: Path) -> str:
    """Read a reward file.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not a UTF-8 text file") from None


_OUT_OF_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def storage(path: Path) -> Iterator[None]:
    """Translate errors while writing a run's files.

    Raises:
        StorageFault: the disk is full; the run can be resumed.
        UserError: no permission to write `path`.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _OUT_OF_SPACE:
            raise StorageFault(f"the disk is full: {path} cannot be written; free some space") from None
        if isinstance(error, PermissionError) or error.errno == errno.EROFS:
            raise UserError(
                f"no permission to write {path}; change it, or copy the run to a folder of yours and resume the copy"
            ) from None
        raise


@contextlib.contextmanager
def output_file(path: Path, option: str = "-o") -> Iterator[None]:
    """Translate errors while writing a file whose path the user sets with `option`.

    Raises:
        StorageFault: the disk is full.
        UserError: it cannot be written for another reason.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _OUT_OF_SPACE:
            raise StorageFault(f"the disk is full: {path} cannot be written; free some space and try again") from None
        why = error.strerror or type(error).__name__
        raise UserError(f"{path} cannot be written: {why}; choose another path with {option}") from None


def write_whole(path: Path, data: bytes) -> None:
    """Write a file atomically."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        temporary.unlink(missing_ok=True)  # a leftover, or a link to another place
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
