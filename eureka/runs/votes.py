"""Votes of people on pairs of candidates, and what they say together."""

from __future__ import annotations

import getpass
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from eureka.errors import UserError
from eureka.runs import inbox, layout
from eureka.runs.elections import Ballot
from eureka.text import shown

_NAME = r"^\d+\.\d+$"


class Vote(BaseModel):
    """Which of two policies a person prefers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: str = Field(pattern=_NAME, description="a candidate")
    second: str = Field(pattern=_NAME, description="another one")
    prefers: Literal["first", "second", "tie"]
    rater: str = Field(min_length=1, max_length=60, description="who voted")


def parse(text: str, rater: str | None) -> Vote:
    """A vote such as `2.0 > 1.3`, `1.3 < 2.0` or `2.0 = 1.3`; `UserError` for any other text."""
    found = re.fullmatch(r"\s*(\d+\.\d+)\s*([<=>])\s*(\d+\.\d+)\s*", text)
    if not found or found[1] == found[3]:
        raise UserError(f"{text!r} is no vote; write two candidates, as '2.0 > 1.3', or '2.0 = 1.3' for a tie")
    prefers = {">": "first", "<": "second", "=": "tie"}[found[2]]
    return Vote(first=found[1], second=found[3], prefers=prefers, rater=shown(rater or getpass.getuser())[:60])  # type: ignore[arg-type]


def add(folder: Path, given: Vote) -> None:
    """Keep a vote in a run's folder."""
    inbox.add(folder / layout.VOTES, given)


def kept(folder: Path) -> list[Vote]:
    """All votes in a run's folder, in the order in which they were given."""
    return [*inbox.kept(folder / layout.VOTES, Vote).values()]


def ballot(names: Sequence[str], votes: Sequence[Vote]) -> Ballot:
    """The votes among these candidates."""
    place, share = {name: index for index, name in enumerate(names)}, {"first": 1.0, "second": 0.0, "tie": 0.5}
    counted = [v for v in votes if v.first in place and v.second in place and v.first != v.second]
    return Ballot(len(names), tuple((place[v.first], place[v.second], share[v.prefers]) for v in counted))
