"""Formats events as lines of text, for the plain and the live display."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from eureka.runs.candidate import Candidate
from eureka.runs.events import RungReached, TrainingProgress
from eureka.text import clock, number, shown

if TYPE_CHECKING:
    from eureka.runs.replies import Answer


class Pace:
    """Measures the rate and estimates the remaining time of a training."""

    def __init__(self) -> None:
        self._begun = self._stage = time.monotonic()

    def restart(self) -> None:
        self._stage = time.monotonic()

    def elapsed(self) -> float:
        """Seconds since the display was created."""
        return time.monotonic() - self._begun

    def words(self, report: TrainingProgress) -> str:
        """Format the rate, the elapsed and the remaining time for a progress report."""
        spent = time.monotonic() - self._stage
        rate = report.steps / spent if spent else 0.0
        elapsed = f"{rate / 1000:.1f} k world-steps/s   {clock(self.elapsed())} elapsed"
        if not report.steps:  # a command of the user's has not reported yet
            return elapsed
        left = clock(spent * report.steps_left / report.steps)  # a resumed training has a head start
        return f"{elapsed}, ~{left} left in training"


def format_candidate(candidate: Candidate) -> str:
    """Format a candidate on one line."""
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
    if candidate.estimate and candidate.estimate.error is not None:
        return f"{name} fitness {candidate.estimate!s:<32} {shown(parts)}"
    steps, fitness = (
        trained.curves.steps[trained.best],
        candidate.estimate.mean if candidate.estimate else trained.report,
    )
    return f"{name} fitness {number(fitness):>7}   from step {steps:<9} {shown(parts)}"


def format_rung(event: RungReached, names: Sequence[str]) -> str:
    """Format a rung on one line."""
    # Candidates are named once, by their first training.
    out = [f"{names[member]} ({number(event.fitness[member])})" for member in event.dropped if member in event.fitness]
    return f"step {event.step}: {', '.join(out) or 'none'} dropped, {len(event.fitness) - len(out)} continue"


def format_answer(answer: Answer, missing: int) -> str:
    """Format an answer on one line."""
    count = len(answer.replies)
    parts = [f"{count} repl{'ies' if count != 1 else 'y'} from {shown(answer.model)} in {answer.seconds:.1f} s"]
    if answer.prompt_tokens is not None:
        parts.append(f"{answer.prompt_tokens} + {answer.completion_tokens} tokens")
    if missing:
        parts.append(f"{missing} more to come")
    return ", ".join(parts)


def _print(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # The reader closed the pipe; continue without output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
