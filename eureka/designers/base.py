"""The `Designer` protocol and its requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

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
    """A request for rewards. A language model uses the messages; the built-in search uses the other fields."""

    generation: int
    slots: tuple[int, ...]  # One reply is requested per slot
    attempt: int  # 0 for the first attempt. Replies are addressed by (generation, slot, attempt).
    messages: Messages
    task: Description
    parent: Candidate | None  # The trained candidate that the messages reflect on, if any

    @property
    def mark(self) -> str:
        """SHA-256 of the messages."""
        return prompts.fingerprint(self.messages)


@runtime_checkable
class Designer(Protocol):
    """Proposes reward functions."""

    name: str  # Display name with the model or source

    def propose(self, requests: Sequence[Request]) -> Iterator[Answer]:
        """Yield answers in the order of arrival. Slots must be unique across requests.

        Every slot gets one reply. A reply that is not given has finish SKIPPED.
        """
        ...

    def verdict(self, generation: int, slot: int, attempt: int) -> Known | None:
        """Return the recorded failure of this reply, if any."""
        ...


@dataclass(frozen=True)
class DesignerContext:
    """Context for constructing a designer."""

    settings: Settings
    budget: Budget
    folder: Path  # The run's folder
    answers: Sequence[Answer]  # Answers recorded in the journal at construction
    tell: Callable[[str], None]  # Shows a line to the user
    given: Any = None  # The function or Designer of a caller from Python
