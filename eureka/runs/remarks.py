"""Remarks of people on candidates: files in a run's folder that a command or a page writes and the run takes up.

Only the process that works on a run writes its journal. A remark is a file of its own, so that it is kept whatever
happens to either process, and several people can write at once.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Container
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eureka.errors import UserError
from eureka.runs import layout
from eureka.system.files import storage, write_whole
from eureka.text import plain

LONGEST = 1000  # Characters of a remark
_LARGEST, _MOST = 16_384, 1000  # Bytes of a file, and files that are read
_DONE, _WAITING = "done", "waiting"


class Remark(BaseModel):
    """What a person says of a candidate's policy."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    candidate: str = Field(pattern=r"^\d+\.\d+$")
    text: str = Field(min_length=1, max_length=LONGEST)


def remark(candidate: str, text: str) -> Remark:
    """A remark, its text on one line; `UserError` if it is empty or too long."""
    text = " ".join(plain(text).split())
    if not text:
        raise UserError("the remark is empty; say in words what is to be seen")
    if len(text) > LONGEST:
        raise UserError(f"the remark has {len(text):,} characters; {LONGEST:,} are allowed")
    return Remark(candidate=candidate, text=text)


def add(folder: Path, given: Remark) -> None:
    """Keep a remark in a run's folder."""
    name = f"{time.time_ns():020d}-{secrets.token_hex(4)}.json"
    _write(folder / layout.REMARKS / name, given.model_dump_json())


def kept(folder: Path) -> dict[str, Remark]:
    """All remarks in a run's folder by the name of their file, in the order in which they were made."""
    found: dict[str, Remark] = {}
    place = folder / layout.REMARKS
    for path in sorted(place.glob("*.json"))[:_MOST] if place.is_dir() and not place.is_symlink() else []:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST:
            continue
        try:
            found[path.name] = Remark.model_validate_json(path.read_bytes())
        except ValidationError:
            continue  # by something else
    return found


def open_remarks(folder: Path, taken: Container[str]) -> list[Remark]:
    """The remarks that no prompt has taken up yet; `taken` has the names of the files of the others."""
    return [one for name, one in kept(folder).items() if name not in taken]


def wait_for(folder: Path, generation: int) -> None:
    """Record that a run waits for remarks before it asks for this generation."""
    _write(folder / layout.REMARKS / _WAITING, str(generation))


def waits_for(folder: Path) -> int | None:
    """The generation before which a run waits for remarks; None if it does not."""
    try:
        generation = int((folder / layout.REMARKS / _WAITING).read_text()[:10])
    except (OSError, ValueError):
        return None
    return None if is_done(folder, generation) else generation


def done(folder: Path, generation: int) -> None:
    """Let a run that waits before this generation go on."""
    _write(folder / layout.REMARKS / f"{_DONE}-{generation}", "")


def is_done(folder: Path, generation: int) -> bool:
    """Whether a run may go on with this generation."""
    return (folder / layout.REMARKS / f"{_DONE}-{generation}").exists()


def _write(path: Path, text: str) -> None:
    if path.parent.is_symlink():
        raise UserError(f"{path.parent} is a link, so nothing is written there: it may lead anywhere")
    with storage(path):
        path.parent.mkdir(exist_ok=True)
        write_whole(path, text.encode())
