"""Events that a run sends to displays and loggers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eureka.runs.candidate import Candidate

if TYPE_CHECKING:
    from eureka.runs.replies import Answer
    from eureka.runs.results import Comparison


@dataclass(frozen=True)
class Notice:
    """Something worth a line of its own."""

    text: str


@dataclass(frozen=True)
class Opened:
    """A run was started or resumed."""

    folder: Path


@dataclass(frozen=True)
class GenerationBegan:
    """A generation begins."""

    number: int
    of: int


@dataclass(frozen=True)
class Asked:
    """A designer is asked for replies."""

    designer: str
    replies: int


@dataclass(frozen=True)
class Answered:
    """A designer answered."""

    answer: Answer
    missing: int  # replies still to come
    spent: str  # what the run's calls took so far, in words


@dataclass(frozen=True)
class Rejected:
    """A candidate failed before training."""

    candidate: Candidate
    again: bool  # whether it is sent back to be mended


@dataclass(frozen=True)
class TrainingBegan:
    """Candidates, or the arms of the comparison, begin to train."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class TrainingProgress:
    """How far a training is."""

    iteration: int
    iterations: int
    steps: int  # world-steps so far, of all members, since the process or the run was started
    steps_left: int  # world-steps until the end, of all members
    clocks: dict[str, float]  # seconds so far, by part of the work
    fitness: list[float | None]  # best selection fitness of each member so far


@dataclass(frozen=True)
class Progressed:
    """Progress of a training."""

    members: tuple[int, ...]  # which of the names of `TrainingBegan` train now; all, unless a crash cut the population
    report: TrainingProgress


@dataclass(frozen=True)
class RungReached:
    """A rung of a race is reached."""

    step: int  # training world-steps of each candidate so far
    fitness: dict[int, float]  # what ranks candidates, by the first member of each (`halving.fitness_at`)
    dropped: tuple[int, ...]  # which of them train no further


@dataclass(frozen=True)
class GenerationEnded:
    """A generation is over."""

    candidates: tuple[Candidate, ...]


@dataclass(frozen=True)
class ValidationBegan:
    """The best candidates are trained again on fresh seeds."""

    candidates: tuple[str, ...]
    seeds: int


@dataclass(frozen=True)
class FinalBegan:
    """Rewards are retrained on fresh seeds."""

    arms: tuple[str, ...]
    seeds: int


@dataclass(frozen=True)
class Finished:
    """The run is over."""

    folder: Path
    comparison: Comparison
    winner: Candidate | None = None  # the winner of a search that ends now


OnProgress = Callable[[Progressed | RungReached | Notice], None]
Event = (
    Notice | Opened | GenerationBegan | Asked | Answered | Rejected | TrainingBegan | Progressed | RungReached
    | GenerationEnded | ValidationBegan | FinalBegan | Finished
)  # fmt: skip
Display = Callable[[Event], None]


def silent(_: Event) -> None:
    """Show nothing."""


def one_at_a_time(display: Display) -> Display:
    """The display for several threads: it is shown one event after another."""
    lock = threading.RLock()

    def show(event: Event) -> None:
        with lock:
            display(event)

    return show


def notifier(display: Display) -> Callable[[str], None]:
    """A function that shows a text as a `Notice`."""
    return lambda text: display(Notice(text))
