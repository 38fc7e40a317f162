"""The Designer protocol and the requests it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from eureka.config.description import Description
from eureka.designers import prompts
from eureka.designers.prompts import Messages
from eureka.runs.candidate import Candidate, Known
from eureka.runs.replies import Answer

if TYPE_CHECKING:
    from eureka.config.settings import Settings
    from eureka.designers.budget import Budget


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
        return prompts.fingerprint(self.messages)


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
class DesignerContext:
    """What a designer may need besides requests."""

    settings: Settings
    budget: Budget
    """What was spent, and what may be."""
    folder: Path
    """The run's."""
    answers: Sequence[Answer]
    """What the journal held when the designer was made."""
    tell: Callable[[str], None]
    """Shows a person a line."""
