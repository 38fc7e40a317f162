"""Search strategies: the questions for the next generation, computed from the search so far.

A strategy is a pure function of its `SearchState`, so that a resumed run asks the same questions.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from eureka.config.description import Description
from eureka.designers import prompts
from eureka.designers.prompts import Messages
from eureka.runs.candidate import Candidate


@dataclass(frozen=True)
class SearchState:
    """The search so far."""

    task: Description
    samples: int  # Slots of a generation
    start: Candidate | None = None  # The trained reward of `--start`
    generations: tuple[tuple[Candidate, ...], ...] = ()


@dataclass(frozen=True)
class Question:
    """The prompt for one slot, and the trained candidates that it reflects on."""

    messages: Messages
    parents: tuple[Candidate, ...] = ()


Strategy = Callable[[SearchState], tuple[Question, ...]]  # One question for each slot of the next generation


def greedy(state: SearchState) -> tuple[Question, ...]:
    """Reflect on the best candidate of the latest generation that has one (Ma et al. 2023)."""
    for generation in reversed(state.generations):
        if parent := _best(generation):
            return (Question(prompts.after(state.task, parent, state.generations), (parent,)),) * state.samples
    return best_of_n(state)


def elite(state: SearchState) -> tuple[Question, ...]:
    """Reflect on the best candidate of all generations and the start, and on the failures of the latest generation."""
    start = [state.start] if state.start and state.generations else []
    if parent := _best([*start, *itertools.chain(*state.generations)]):
        question = Question(prompts.after(state.task, parent, state.generations), (parent,))
        return (question,) * state.samples
    return best_of_n(state)


def best_of_n(state: SearchState) -> tuple[Question, ...]:
    """Repeat the first question without a reflection: the control."""
    if state.start is None:
        return (Question(prompts.first(state.task)),) * state.samples
    return (Question(prompts.after(state.task, state.start, []), (state.start,)),) * state.samples


STRATEGIES: dict[str, Strategy] = {"greedy": greedy, "elite": elite, "best-of-n": best_of_n}
"""Strategies by the name that `--strategy` gives."""


def _best(candidates: Iterable[Candidate]) -> Candidate | None:
    """The best by estimate; among equals, the first."""
    return max((c for c in candidates if c.estimate), key=lambda c: c.rank, default=None)
