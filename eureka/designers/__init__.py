"""Whatever proposes rewards, behind one small Protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field, field_validator

from eureka.candidate import Candidate, Failed
from eureka.description import Description
from eureka.errors import UserError, near
from eureka.prompt import Messages


@dataclass(frozen=True)
class Request:
    """A wish for rewards. A language model reads the messages; the built-in search reads the rest."""

    generation: int
    slots: tuple[int, ...]
    """One reply is wanted for each."""
    attempt: int
    """0 at first; replies are addressed by (generation, slot, attempt)."""
    messages: Messages
    task: Description
    parent: Candidate | None
    """The trained candidate that the messages reflect on, if there is one."""


class Reply(BaseModel):
    """One answer, recorded before it is used."""

    model_config = ConfigDict(frozen=True)

    text: str = Field(description="whole and untrusted")
    model: str = Field(description="who answered")
    finish: str = Field(default="stop", description="why it ended, in the words of the server")
    prompt_tokens: int | None = Field(default=None, description="None where nobody counts")
    completion_tokens: int | None = Field(default=None, description="None where nobody counts")
    usd: float | None = Field(default=None, description="None where the price is not known")
    seconds: float = Field(default=0.0, description="until the answer was there")

    @field_validator("text")
    @classmethod
    def _can_be_written(cls, text: str) -> str:
        """JSON can hold halves of surrogate pairs, which no file in UTF-8 can."""
        return text.encode("utf-8", "replace").decode("utf-8")


class Designer(Protocol):
    """Proposes rewards."""

    name: str
    """For people: which one, and what stands behind it."""

    def propose(self, request: Request) -> Sequence[Reply]:
        """One reply for each slot of the request, in their order."""
        ...

    def verdict(self, generation: int, slot: int, attempt: int) -> Failed | None:
        """A failure of this reply that is known already and depends on the machine, so is not decided again."""
        ...


def make(name: str, seed: int) -> Designer:
    """The designer that `--llm` names.

    Raises:
        UserError: there is no such designer, or no such run to replay.
    """
    kind, _, argument = name.partition(":")
    match kind:
        case "search" if not argument:
            from eureka.designers.search import Search

            return Search(seed)
        case "replay" if argument:
            from eureka.designers.replay import Replay

            return Replay(Path(argument))
        case _:
            known = ("search", "replay:RUN")
            raise UserError(f"no designer {name!r}{near(kind, ('search', 'replay'))}; there are {', '.join(known)}")
