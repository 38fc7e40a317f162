"""The strategy `islands`: populations that evolve apart and exchange their best, by mutation and crossover.

After REvolve (Hazra et al. 2025), which follows FunSearch (Romera-Paredes et al. 2024). As there: parents are drawn
within an island, the better the likelier, crossover has two of them, a candidate is admitted if it is at least as good
as its island's mean, and an island has at most eight members. Different here: fitness is the task's instead of people's
votes; one to four islands instead of 13, since generations have 2 to 16 candidates; candidates migrate by a schedule
instead of by chance; and a prompt has the statistics of both parents.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence

from eureka.designers import prompts
from eureka.designers.prompts import Wish
from eureka.experiment.strategies import Question, SearchState, ancestry, best, best_of_n
from eureka.runs.candidate import Candidate
from eureka.system.seeds import derive

_MOST_ISLANDS, _LARGEST = 4, 8
_CROSSOVER = 0.5  # Probability
_MIGRATION = 3  # Generations between two migrations

Island = list[Candidate]


def islands(state: SearchState) -> tuple[Question, ...]:
    """A parent, or two, of the slot's island for each slot of the next generation."""
    populations = populate(state)
    first = best_of_n(state)
    return tuple(
        _question(state, populations[slot % len(populations)], slot) or first[slot] for slot in range(state.samples)
    )


def populate(state: SearchState) -> list[Island]:
    """The islands after all generations, each with its members from the best on; slot k belongs to island k mod n."""
    count = max(1, min(_MOST_ISLANDS, state.samples // 2))
    found: list[Island] = [[] for _ in range(count)]
    for number, generation in enumerate(state.generations, 1):
        for index, island in enumerate(found):
            born = [c for c in generation if c.slot % count == index and c.estimate and not c.duplicate_of]
            island[:] = _admitted(island, born)
        if number % _MIGRATION == 0:
            leaving = [best(island) for island in found]
            for index, migrant in enumerate(leaving):
                target = found[(index + 1) % count]
                target[:] = _sorted([*target, *([migrant] if migrant and migrant not in target else [])])[:_LARGEST]
    return found


def _admitted(island: Island, born: Sequence[Candidate]) -> Island:
    """The island with those of its candidates that are as good as its mean; with all of them while it is empty."""
    means = [c.estimate.mean for c in island if c.estimate]
    least = statistics.fmean(means) if means else None
    new = [c for c in born if c.estimate and (least is None or c.estimate.mean >= least)]
    return _sorted([*island, *new])[:_LARGEST]


def _sorted(candidates: Sequence[Candidate]) -> Island:
    return sorted(candidates, key=lambda c: c.rank, reverse=True)


def _question(state: SearchState, island: Sequence[Candidate], slot: int) -> Question | None:
    """The question for a slot; None if its island is empty."""
    if not island:
        return None
    chance = random.Random(derive(state.seed, "islands", len(state.generations), slot))
    weights = [1.0 / (1 + rank) for rank in range(len(island))]
    (parent,) = chance.choices(island, weights)
    others = [(c, w) for c, w in zip(island, weights, strict=True) if c is not parent]
    if others and chance.random() < _CROSSOVER:
        (partner,) = chance.choices([c for c, _ in others], [w for _, w in others])
        wish, parents = Wish(ancestry(parent, state), partner), (parent, partner)
    else:
        wish, parents = Wish(ancestry(parent, state), kind="mutation"), (parent,)
    return Question(prompts.after(state.task, parent, state.generations, wish), parents)
