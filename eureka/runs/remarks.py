"""Remarks of people on candidates, which a run takes up in its prompts."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from eureka.errors import UserError
from eureka.runs import inbox, layout
from eureka.text import plain

LONGEST = 1000  # Characters of a remark
_DONE, _WAITING, _DIGITS = "done", "waiting", 10


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
    inbox.add(folder / layout.REMARKS, given)


def kept(folder: Path) -> dict[str, Remark]:
    """All remarks in a run's folder by the name of their file, in the order in which they were made."""
    return inbox.kept(folder / layout.REMARKS, Remark)


def open_remarks(folder: Path, taken: Container[str]) -> list[Remark]:
    """The remarks that no prompt has taken up yet; `taken` has the names of the files of the others."""
    return [one for name, one in kept(folder).items() if name not in taken]


def wait_for(folder: Path, generation: int) -> None:
    """Record that a run waits for remarks before it asks for this generation."""
    inbox.put(folder / layout.REMARKS / _WAITING, str(generation))


def waits_for(folder: Path) -> int | None:
    """The generation before which a run waits for remarks; None if it does not."""
    path = folder / layout.REMARKS / _WAITING
    try:
        if path.parent.is_symlink() or path.is_symlink() or not path.is_file() or path.stat().st_size > _DIGITS:
            return None
        generation = int(path.read_text())
    except (OSError, ValueError):
        return None
    return None if is_done(folder, generation) else generation


def done(folder: Path, generation: int) -> None:
    """Let a run that waits before this generation go on."""
    inbox.put(folder / layout.REMARKS / f"{_DONE}-{generation}", "")


def is_done(folder: Path, generation: int) -> bool:
    """Whether a run may go on with this generation."""
    return (folder / layout.REMARKS / f"{_DONE}-{generation}").exists()
