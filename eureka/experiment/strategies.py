"""What the next generation is asked, in the light of the ones before.

A strategy is a pure function of the search so far, so that an interrupted run comes to the same question again.
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
    """A prompt, and the trained candidate that it reflects on."""

    messages: Messages
    parent: Candidate | None


Strategy = Callable[[Description, Candidate | None, Sequence[Sequence[Candidate]]], Question]
"""The next generation's question, of the task, the trained reward of `--start` if any, and the generations so far."""


def greedy(task: Description, start: Candidate | None, generations: Sequence[Sequence[Candidate]]) -> Question:
    """Reflect on the best candidate of the latest generation that has one, by selection fitness, as the paper does."""
    for generation in reversed(generations):
        trained = [candidate for candidate in generation if candidate.trained]
        if trained:
            parent = max(trained, key=_selection)
            return Question(prompts.after(task, parent, generation), parent)
    return best_of_n(task, start, generations)


def best_of_n(task: Description, start: Candidate | None, generations: Sequence[Sequence[Candidate]]) -> Question:
    """Ask the first question again and reflect on nothing: the control."""
    return Question(prompts.after(task, start, []) if start else prompts.first(task), start)


STRATEGIES: dict[str, Strategy] = {"greedy": greedy, "best-of-n": best_of_n}
"""By the name that `--strategy` gives."""


def _selection(candidate: Candidate) -> tuple[float, int]:
    """Selection fitness; of equals, the one that was there sooner in its training."""
    assert candidate.trained is not None
    return candidate.trained.selection, -candidate.trained.best
