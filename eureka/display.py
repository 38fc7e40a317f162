"""What a person or a program sees while a run goes on: events, and ways of showing them."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eureka.candidate import Candidate
from eureka.errors import UserError
from eureka.reflect import number, plain, shown

if TYPE_CHECKING:
    from eureka.compare import Comparison
    from eureka.designers import Answer

KINDS = ("auto", "live", "plain", "json", "none")
_EVERY = 5.0
"""s between two lines of progress."""


@dataclass(frozen=True)
class Said:
    """Something worth a line of its own."""

    text: str


@dataclass(frozen=True)
class Opened:
    """A run begins, or is gone on with; its journal is there."""

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
    missing: int
    """Replies still to come."""
    spent: str
    """What the run's calls took so far, in words."""


@dataclass(frozen=True)
class Rejected:
    """A candidate failed before training."""

    candidate: Candidate
    again: bool
    """Whether it is sent back to be mended."""


@dataclass(frozen=True)
class TrainingBegan:
    """Candidates, or the arms of the comparison, begin to train."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Progressed:
    """A training goes on."""

    members: tuple[int, ...]
    """Which of the names of `TrainingBegan` train now; all, unless a crash cut the population."""
    report: dict[str, Any]
    """The trainer's: iteration, iterations, steps, clocks, fitness of each member."""


@dataclass(frozen=True)
class Raced:
    """A rung of a race is reached."""

    step: int
    """Training world-steps of each candidate so far."""
    fitness: dict[int, float]
    """Best selection fitness so far, by which of the names of `TrainingBegan`."""
    dropped: tuple[int, ...]
    """Which of them train no further."""


@dataclass(frozen=True)
class GenerationEnded:
    """A generation is over."""

    candidates: tuple[Candidate, ...]


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


Event = (
    Said
    | Opened
    | GenerationBegan
    | Asked
    | Answered
    | Rejected
    | TrainingBegan
    | Progressed
    | Raced
    | GenerationEnded
    | FinalBegan
    | Finished
)
Display = Callable[[Event], None]
"""Shows an event."""


class Pace:
    """How fast a training goes, and how long it will take."""

    def __init__(self) -> None:
        self._begun = self._stage = time.monotonic()

    def restart(self) -> None:
        """A training begins."""
        self._stage = time.monotonic()

    def elapsed(self) -> float:
        """s since the display was made."""
        return time.monotonic() - self._begun

    def words(self, report: dict[str, Any]) -> str:
        """Rate and times of a report of progress."""
        spent = time.monotonic() - self._stage
        rate = report["steps"] / spent if spent else 0.0
        left = clock(spent * report["steps_left"] / report["steps"])  # a resumed training has done some of it before
        return f"{rate / 1000:.1f} k world-steps/s   {clock(self.elapsed())} elapsed, about {left} left here"


class Plain:
    """One line an event, at most one of progress every few seconds; the same in a terminal, a pipe and a log."""

    def __init__(self, write: Callable[[str], None] | None = None) -> None:
        """Write lines with `write`; by default print them."""
        self._write = write or _print
        self._pace = Pace()
        self._last = 0.0
        self._names: tuple[str, ...] = ()

    def __call__(self, event: Event) -> None:
        match event:
            case Said(text):
                self._write(plain(text))
            case GenerationBegan(number=generation, of=of):
                self._write(f"\ngeneration {generation} of {of}")
            case Asked(designer, replies):
                self._write(f"  asking {shown(designer)} for {replies} repl{'ies' if replies != 1 else 'y'}")
            case Answered(answer, missing, spent):
                if answer.prompt_tokens is not None or missing:
                    self._write(f"  {answered(answer, missing)}; spent: {spent}")
            case Rejected(candidate, again):
                sent = "; sent back" if again else ""
                self._write(f"  {candidate.name}  {shown(str(candidate.failed))}{sent}")
            case TrainingBegan(names):
                self._pace.restart()
                self._last = time.monotonic()
                self._names = names
                self._write(f"  training {len(names)} polic{'ies' if len(names) != 1 else 'y'}")
            case Progressed(report=report):
                self._progress(report)
            case Raced():
                self._write(f"  {raced(event, self._names)}")
            case GenerationEnded(candidates):
                for candidate in candidates:
                    self._write(f"  {summary(candidate)}")
            case FinalBegan(arms, seeds):
                of = f"{seeds} fresh seed{'s' if seeds != 1 else ''}"
                named = ", ".join(arms)
                self._write(
                    f"\nfinal comparison: {named} on {of}, same budget" if len(arms) > 1 else f"\n{named} on {of}"
                )
            case Finished(folder, comparison):
                from eureka import inspection

                inspection.show_result(folder, comparison)

    def _progress(self, report: dict[str, Any]) -> None:
        now = time.monotonic()
        if now - self._last < _EVERY:
            return
        self._last = now
        share = report["iteration"] / report["iterations"]
        known = [f for f in report["fitness"] if f is not None]
        best = f"   best fitness {number(max(known))}" if known else ""
        self._write(f"  {share:4.0%}{best}   {self._pace.words(report)}")


class Json:
    """One JSON object a line, for programs."""

    def __call__(self, event: Event) -> None:
        kind = "".join("_" + c.lower() if c.isupper() else c for c in type(event).__name__).lstrip("_")
        _print(json.dumps({"event": kind} | _content(event)))


def silent(_: Event) -> None:
    """Show nothing."""


def make(kind: str) -> Display:
    """The display that `--display` names.

    Raises:
        UserError: there is none of that name.
    """
    if kind not in KINDS:
        raise UserError(f"no display {kind!r}; there are {', '.join(KINDS)}")
    if kind == "auto":
        dumb = os.environ.get("TERM", "dumb") == "dumb" or os.environ.get("CI")
        kind = "live" if sys.stdout.isatty() and not dumb else "plain"
    match kind:
        case "live":
            from eureka.live import Live

            return Live()
        case "plain":
            return Plain()
        case "json":
            return Json()
        case _:
            return silent


def one_at_a_time(display: Display) -> Display:
    """The display for several threads: it is shown one event after another."""
    lock = threading.RLock()

    def show(event: Event) -> None:
        with lock:
            display(event)

    return show


def close(display: Display) -> None:
    """Give the terminal back, if a display took it."""
    end = getattr(display, "close", None)
    if end is not None:
        end()


def summary(candidate: Candidate) -> str:
    """A candidate on one line."""
    name = f"{candidate.name:<6}"
    if candidate.duplicate_of:
        return f"{name} same program as {candidate.duplicate_of}, not trained again"
    if candidate.failed:
        return f"{name} {shown(str(candidate.failed))}"
    if candidate.dropped:
        return f"{name} {candidate.dropped}"
    if candidate.trained is None:
        return f"{name} not trained yet"
    trained = candidate.trained
    parts = " + ".join(trained.curves.components) or "total only"
    steps = trained.curves.steps[trained.best]
    return f"{name} fitness {number(trained.report):>7}   from step {steps:<9} {shown(parts)}"


def raced(event: Raced, names: Sequence[str]) -> str:
    """A rung on one line."""
    out = [f"{names[member]} ({number(event.fitness[member])})" for member in event.dropped]
    return f"step {event.step}: {', '.join(out) or 'nobody'} dropped, {len(event.fitness) - len(out)} go on"


def answered(answer: Answer, missing: int) -> str:
    """An answer on one line."""
    count = len(answer.replies)
    parts = [f"{count} repl{'ies' if count != 1 else 'y'} from {shown(answer.model)} in {answer.seconds:.1f} s"]
    if answer.prompt_tokens is not None:
        parts.append(f"{answer.prompt_tokens} + {answer.completion_tokens} tokens")
    if missing:
        parts.append(f"{missing} to come")
    return ", ".join(parts)


def clock(seconds: float) -> str:
    """`1:02:03` or `2:03`."""
    whole = int(max(0.0, seconds))
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def _content(event: Event) -> dict[str, Any]:
    match event:
        case Answered(answer, missing, spent):
            return answer.model_dump(mode="json", exclude={"replies"}) | {
                "replies": len(answer.replies),
                "missing": missing,
                "spent": spent,
            }
        case Opened(folder):
            return {"run": str(folder)}
        case Rejected(candidate, again):
            return _short(candidate) | {"again": again}
        case GenerationEnded(candidates):
            return {"candidates": [_short(c) for c in candidates]}
        case Finished(folder, comparison):
            return {"run": str(folder), "comparison": comparison.model_dump(mode="json")}
        case _:
            return dict(vars(event))


def _short(candidate: Candidate) -> dict[str, Any]:
    trained = candidate.trained
    return {
        "candidate": candidate.name,
        "duplicate_of": candidate.duplicate_of,
        "failed": candidate.failed.model_dump(mode="json") if candidate.failed else None,
        "report": trained.report if trained else None,
        "selection": trained.selection if trained else None,
        "dropped": candidate.dropped.model_dump(mode="json", exclude={"curves"}) if candidate.dropped else None,
    }


def _print(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Whoever read along has left; the run goes on without them.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
