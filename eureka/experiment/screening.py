"""A screen before training: rewards that lead away from what the best policy so far has learned."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

from eureka.experiment.context import RunContext
from eureka.experiment.strategies import best
from eureka.runs import layout
from eureka.runs.candidate import Candidate, Failed
from eureka.text import number

_EPISODES = 64
_CLEAR = 2.0  # standard errors


def misled(context: RunContext, programs: Mapping[int, str], earlier: Sequence[Candidate]) -> dict[int, Failed]:
    """The programs that pay an episode of random actions more than one of the policy of the best candidate so far.

    Nothing is screened while the fitness of the best policy is not clearly above that of random actions.
    docs/search.md has what this saves.

    Args:
        context: of the run.
        programs: verified, by slot.
        earlier: the candidates so far.

    Returns:
        A failure for each such slot.
    """
    incumbent = best(c for c in earlier if c.trained)
    unseen = bool(context.trainer.description.trainer)  # the policies of the user's own command
    if incumbent is None or not programs or unseen or not context.run.settings.screen:
        return {}
    policy = layout.policy(layout.candidate(incumbent.duplicate_of or incumbent.name))
    seed, texts = context.run.settings.seed, [*programs.values()]
    at_random = context.trainer.play_episodes(_EPISODES, seed, texts)
    learned = context.trainer.play_episodes(_EPISODES, seed, texts, context.run.inside(policy))
    if not _clearly_above(learned.fitness, at_random.fitness):
        return {}
    found = {}
    for slot, *returns in zip(programs, at_random.returns, learned.returns, strict=True):
        low, high = map(statistics.fmean, returns)
        if low > high:  # False for NaN
            message = (
                f"it pays an episode of random actions {number(low)} on average, and one of the policy of "
                f"{incumbent.name} {number(high)}, although that has a higher fitness: a training would lead away from "
                "what that policy does"
            )
            found[slot] = Failed(stage="preflight", message=message)
    return found


def _clearly_above(a: Sequence[float], b: Sequence[float]) -> bool:
    """Whether mean(a) - mean(b) is more than two standard errors; False if a value is not finite."""
    if not all(map(math.isfinite, (*a, *b))):
        return False
    error = math.sqrt(statistics.variance(a) / len(a) + statistics.variance(b) / len(b))
    return statistics.fmean(a) - statistics.fmean(b) > _CLEAR * error
