"""Whatever proposes rewards, behind one small Protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, field_validator

from eureka import prompt
from eureka.candidate import Candidate, Known
from eureka.description import Description
from eureka.errors import UserError, near
from eureka.prompt import Messages

if TYPE_CHECKING:
    from eureka.config import Settings
    from eureka.spending import Ledger

NAMES = ("search", "openai", "manual", "transformers", "replay")
HELP = "search, openai:MODEL[@URL], manual[:WHO], transformers:MODEL, or replay:RUN"
SKIPPED = "skipped"
"""How a reply ends that was never given; it is not asked for again."""

Address = tuple[int, int, int]
"""Generation, slot, attempt: what a reply is found by, whenever it came."""


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

    @property
    def mark(self) -> str:
        """SHA-256 of the messages."""
        return prompt.fingerprint(self.messages)


def writable(text: str) -> str:
    """JSON can hold halves of surrogate pairs, which no file in UTF-8 can."""
    return text.encode("utf-8", "replace").decode("utf-8")


class Reply(BaseModel):
    """One text, for one slot."""

    model_config = ConfigDict(frozen=True)

    slot: int
    text: str = Field(description="whole and untrusted")
    finish: str = Field(
        default="stop", description="why it ended: stop, length, refusal, empty, skipped, or a server's own word"
    )

    @field_validator("text", "finish")
    @classmethod
    def _can_be_written(cls, text: str) -> str:
        return writable(text)


class Answer(BaseModel):
    """What one call to a designer gave, recorded whole before any of it is used."""

    model_config = ConfigDict(frozen=True)

    replies: tuple[Reply, ...]
    model: str = Field(description="who answered")
    called: bool = Field(default=False, description="whether a model was called, which may cost something")
    source: str | None = Field(default=None, description="a server's name for the call, or the file it was read from")
    prompt_tokens: int | None = Field(default=None, ge=0, description="None where nobody counts")
    cached_tokens: int | None = Field(
        default=None, ge=0, description="those of prompt_tokens that a server had in its cache"
    )
    completion_tokens: int | None = Field(
        default=None, ge=0, description="reasoning included; None where nobody counts"
    )
    usd: float | None = Field(default=None, ge=0, allow_inf_nan=False, description="None where the price is not known")
    seconds: float = Field(default=0.0, description="until the answer was there")

    @field_validator("model", "source")
    @classmethod
    def _can_be_written(cls, text: str | None) -> str | None:
        return None if text is None else writable(text)[:500]


class Designer(Protocol):
    """Proposes rewards."""

    name: str
    """For people: which one, and what stands behind it."""

    def propose(self, requests: Sequence[Request]) -> Iterator[Answer]:
        """Answers as they come in, in any order, for requests whose slots differ.

        Every slot gets one reply; one that nobody gives ends as SKIPPED.
        """
        ...

    def verdict(self, generation: int, slot: int, attempt: int) -> Known | None:
        """A failure of this reply that is known already."""
        ...


@dataclass(frozen=True)
class Surroundings:
    """What a designer may need besides requests."""

    settings: Settings
    ledger: Ledger
    """What was spent, and what may be."""
    folder: Path
    """The run's."""
    events: Sequence[Mapping[str, Any]]
    """What the journal held when the designer was made."""
    tell: Callable[[str], None]
    """Shows a person a line."""


def replies_of(events: Iterable[Mapping[str, Any]]) -> dict[Address, tuple[Reply, Mapping[str, Any]]]:
    """Every recorded reply with the event that holds it, by its address; the first counts."""
    found: dict[Address, tuple[Reply, Mapping[str, Any]]] = {}
    for event in events:
        if event["event"] == "answer":
            for data in event["answer"]["replies"]:
                address = (event["generation"], data["slot"], event["attempt"])
                found.setdefault(address, (Reply.model_validate(data), event))
    return found


def check_name(name: str) -> None:
    """Refuse a designer that does not exist, before anything is begun.

    Raises:
        UserError: with the names that exist.
    """
    kind, _, argument = name.partition(":")
    if kind not in NAMES:
        raise UserError(f"no designer {name!r}{near(kind, NAMES)}; there are {HELP}")
    if kind == "search" and argument:
        raise UserError(f"the designer search takes nothing behind a colon, so not {argument!r}")
    if kind in ("replay", "transformers") and not argument:
        raise UserError(f"--llm {kind} needs {'a run' if kind == 'replay' else 'a model'} behind a colon: {HELP}")


def make(around: Surroundings) -> Designer:
    """The designer that the settings name.

    Raises:
        UserError: it cannot be had: no such run, no key, a package that is missing.
    """
    name = around.settings.llm
    check_name(name)
    kind, _, argument = name.partition(":")
    match kind:
        case "search":
            from eureka.designers.search import Search

            return Search(around.settings.seed)
        case "replay":
            from eureka.designers.replay import Replay

            return Replay(Path(argument))
        case "manual":
            from eureka.designers.manual import Manual

            return Manual(argument, around)
        case "transformers":
            from eureka.designers.local import Local

            return Local(argument, around)
        case _:
            from eureka.designers.openai import OpenAI

            return OpenAI(argument, around)
