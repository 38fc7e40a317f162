"""Search strategies: the prompt of the next generation, given the previous ones.

A strategy is a pure function of the search so far, so that a resumed run repeats the same prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eureka.config.description import Description
from eureka.designers import prompts
from eureka.designers.prompts import Messages
from eureka.runs.candidate import Candidate


@dataclass(frozen=True)
class Question:
    """A prompt and the trained candidate that it reflects on."""

    messages: Messages
    parent: Candidate | None


Strategy = Callable[[Description, Candidate | None, Sequence[Sequence[Candidate]]], Question]
"""Maps the task, the trained reward of `--start` (if any) and the generations so far to the next question."""


def greedy(task: Description, start: Candidate | None, generations: Sequence[Sequence[Candidate]]) -> Question:
    """Reflect on the best candidate of the latest generation that has one, by selection fitness, as in the paper."""
    for generation in reversed(generations):
        trained = [candidate for candidate in generation if candidate.trained]
        if trained:
            parent = max(trained, key=_selection)
            return Question(prompts.after(task, parent, generation), parent)
    return best_of_n(task, start, generations)


def best_of_n(task: Description, start: Candidate | None, generations: Sequence[Sequence[Candidate]]) -> Question:
    """Repeat the first prompt without reflection; used as a control."""
    return Question(prompts.after(task, start, []) if start else prompts.first(task), start)


STRATEGIES: dict[str, Strategy] = {"greedy": greedy, "best-of-n": best_of_n}
"""Values of `--strategy`."""


def _selection(candidate: Candidate) -> tuple[float, int]:
    """Sort key: selection fitness, then the earlier checkpoint."""
    assert candidate.trained is not None
    return candidate.trained.selection, -candidate.trained.best
