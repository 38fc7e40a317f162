"""Search strategies: the questions for the next generation, computed from the search so far.

A strategy is a pure function of its `SearchState`, so that a resumed run asks the same questions. `islands` has a
module of its own, and `STRATEGIES` in `eureka.experiment.search` names all of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from eureka.config.description import Description
from eureka.designers import prompts
from eureka.designers.prompts import Messages, Wish
from eureka.runs.candidate import Candidate

_TURNS = 4  # Steps of an ancestry that a prompt tells


@dataclass(frozen=True)
class SearchState:
    """The search so far."""

    task: Description
    samples: int  # Slots of a generation
    start: Candidate | None = None  # The trained reward of `--start`
    generations: tuple[tuple[Candidate, ...], ...] = ()
    seed: int = 0  # Of the run


@dataclass(frozen=True)
class Question:
    """The prompt for one slot, and the trained candidates that it reflects on."""

    messages: Messages
    parents: tuple[Candidate, ...] = ()


Strategy = Callable[[SearchState], tuple[Question, ...]]  # One question for each slot of the next generation


def greedy(state: SearchState) -> tuple[Question, ...]:
    """Reflect on the best candidate of the latest generation that has one (Ma et al. 2023)."""
    for generation in reversed(state.generations):
        if parent := best(generation):
            return (Question(prompts.after(state.task, parent, state.generations), (parent,)),) * state.samples
    return best_of_n(state)


def elite(state: SearchState) -> tuple[Question, ...]:
    """Reflect on the best candidate of all generations and the start, with the steps that led to it.

    One slot in four is asked for another structure. After BIRD's recipe ERA-S (2026): the incumbent as parent until it
    is beaten, a sentence of design thought, and a history of four turns, which its ablations confirm. Its tables of
    states and its judge are left out.
    """
    start = [state.start] if state.start and state.generations else []
    parent = best([*start, *itertools.chain(*state.generations)])
    if parent is None:
        return best_of_n(state)
    steps = ancestry(parent, state)
    wishes = [Wish(steps, kind="different" if slot % 4 == 3 else "better") for slot in range(state.samples)]
    return tuple(Question(prompts.after(state.task, parent, state.generations, w), (parent,)) for w in wishes)


def ancestry(candidate: Candidate, state: SearchState) -> tuple[Candidate, ...]:
    """The last steps that led to a trained candidate, at most four, the first one first: each one's first parent."""
    known = {c.name: c for c in ([state.start] if state.start else [])}
    known |= {c.name: c for c in itertools.chain(*state.generations)}
    line: list[Candidate] = []
    at: Candidate | None = candidate
    while at is not None and at.trained and at not in line and len(line) < _TURNS:
        line.append(at)
        at = known.get(at.parents[0]) if at.parents else None
    return tuple(reversed(line))


def best_of_n(state: SearchState) -> tuple[Question, ...]:
    """Repeat the first question without a reflection: the control."""
    if state.start is None:
        return (Question(prompts.first(state.task)),) * state.samples
    return (Question(prompts.after(state.task, state.start, []), (state.start,)),) * state.samples


def best(candidates: Iterable[Candidate]) -> Candidate | None:
    """The best by estimate; among equals, the first."""
    return max((c for c in candidates if c.estimate), key=lambda c: c.rank, default=None)
