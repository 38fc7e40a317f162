"""What a person sees while a run goes on: plain lines, the same in a terminal, a pipe and a log."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any, Protocol

from eureka.candidate import Candidate
from eureka.reflect import number, shown

_EVERY = 5.0
"""s between two lines of progress."""


class Display(Protocol):
    """Told what happens, as it happens."""

    def line(self, text: str) -> None:
        """Something worth a line of its own."""

    def generation(self, number: int, of: int) -> None:
        """A generation begins."""

    def failed(self, candidate: Candidate, again: bool) -> None:
        """A candidate failed before training; `again` if it is sent back to be mended."""

    def training(self, members: int) -> None:
        """Candidates begin to train."""

    def progress(self, report: dict[str, Any]) -> None:
        """A training goes on; the trainer's report."""

    def generation_done(self, candidates: Sequence[Candidate]) -> None:
        """A generation is over."""

    def final(self, arms: Sequence[str], seeds: int) -> None:
        """The final comparison begins."""


class Silent:
    """Says nothing."""

    def line(self, text: str) -> None:
        return None

    def generation(self, number: int, of: int) -> None:
        return None

    def failed(self, candidate: Candidate, again: bool) -> None:
        return None

    def training(self, members: int) -> None:
        return None

    def progress(self, report: dict[str, Any]) -> None:
        return None

    def generation_done(self, candidates: Sequence[Candidate]) -> None:
        return None

    def final(self, arms: Sequence[str], seeds: int) -> None:
        return None


class Plain:
    """One line an event, at most one of progress every few seconds."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._last = 0.0
        self._stage = ""
        self._stage_begun = 0.0

    def line(self, text: str) -> None:
        try:
            print(text, flush=True)
        except BrokenPipeError:
            # Whoever read along has left; the run goes on without them.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def generation(self, number: int, of: int) -> None:
        self._stage = f"generation {number} of {of}"
        self.line(f"\n{self._stage}")

    def failed(self, candidate: Candidate, again: bool) -> None:
        sent = "; sent back" if again else ""
        self.line(f"  {candidate.name}  {shown(str(candidate.failed))}{sent}")

    def training(self, members: int) -> None:
        self._stage_begun = self._last = time.monotonic()
        self.line(f"  training {members} candidate{'s' if members != 1 else ''}")

    def progress(self, report: dict[str, Any]) -> None:
        now = time.monotonic()
        if now - self._last < _EVERY:
            return
        self._last = now
        spent = now - self._stage_begun
        share = report["iteration"] / report["iterations"]
        rate = report["steps"] / spent if spent else 0.0
        known = [f for f in report["fitness"] if f is not None]
        best = f"   best fitness {number(max(known))}" if known else ""
        left = spent / share - spent
        self.line(
            f"  {share:4.0%}{best}   {rate / 1000:.1f} k world-steps/s   "
            f"{clock(now - self._begun)} elapsed, about {clock(left)} left here"
        )

    def generation_done(self, candidates: Sequence[Candidate]) -> None:
        for candidate in candidates:
            self.line(f"  {summary(candidate)}")

    def final(self, arms: Sequence[str], seeds: int) -> None:
        self._stage_begun = self._last = time.monotonic()
        seeds_text = f"{seeds} fresh seed{'s' if seeds != 1 else ''}"
        self.line(f"\nfinal comparison: {', '.join(arms)} on {seeds_text}, same budget")


def summary(candidate: Candidate) -> str:
    """A candidate on one line."""
    name = f"{candidate.name:<6}"
    if candidate.duplicate_of:
        return f"{name} same program as {candidate.duplicate_of}, not trained again"
    if candidate.failed:
        return f"{name} {shown(str(candidate.failed))}"
    if candidate.trained is None:
        return f"{name} not trained yet"
    trained = candidate.trained
    parts = " + ".join(trained.curves.components) or "total only"
    steps = trained.curves.steps[trained.best]
    return f"{name} fitness {number(trained.report):>7}   from step {steps:<9} {shown(parts)}"


def clock(seconds: float) -> str:
    """`1:02:03` or `2:03`."""
    whole = int(max(0.0, seconds))
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def make(kind: str) -> Display:
    """The display that `--display` names: plain or none."""
    return Silent() if kind == "none" else Plain()
