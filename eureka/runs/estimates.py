"""Estimates of the fitness of rewards from a few trainings each.

A training's score is a reward's true mean plus noise of the seed, and true means differ from the mean of all: a normal
model at both levels, with one variance of the seeds for all rewards. The posterior mean of a reward is the mean of its
trainings, shrunk towards the mean of all (Efron and Morris 1975): a reward that was trained once must do better than
one that was trained often. Variances are estimated by moments (DerSimonian and Laird 1986).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence

from eureka.runs.candidate import Candidate, Estimate, Failed, Outcome, Trained


def estimates(scores: Mapping[str, Sequence[float]]) -> dict[str, Estimate]:
    """The estimate of each reward from the scores of its trainings, one at least.

    While no reward has two trainings, the noise is not known: an estimate is the score, without an error. Rewards with
    one training get their error from the pooled variance of the others.
    """
    counts = {name: len(values) for name, values in scores.items()}
    means = {name: statistics.fmean(values) for name, values in scores.items()}
    noise = pooled_variance(list(scores.values()))
    if noise is None:
        return {name: Estimate(mean=mean, error=None, trainings=1) for name, mean in means.items()}
    spread = _between(means, counts, noise)
    center = _weighted(
        means, {name: 1.0 / (spread + noise / n) if spread + noise else 1.0 for name, n in counts.items()}
    )
    found = {}
    for name, mean in means.items():
        own = noise / counts[name]
        kept = spread / (spread + own) if spread + own else 1.0
        estimate = center + kept * (mean - center)
        found[name] = Estimate(mean=estimate, error=math.sqrt(kept * own), trainings=counts[name])
    return found


def pooled_variance(scores: Sequence[Sequence[float]]) -> float | None:
    """The variance between trainings of one reward, pooled over rewards; None if none was trained twice."""
    several = [values for values in scores if len(values) > 1]
    freedom = sum(len(values) - 1 for values in several)
    return sum((len(v) - 1) * statistics.variance(v) for v in several) / freedom if freedom else None


def _between(means: Mapping[str, float], counts: Mapping[str, int], noise: float) -> float:
    """The variance between the true means of rewards; at least 0."""
    total = sum(counts.values())
    center = _weighted(means, counts)
    excess = sum(n * (means[name] - center) ** 2 for name, n in counts.items()) - (len(means) - 1) * noise
    scale = total - sum(n * n for n in counts.values()) / total
    return max(0.0, excess / scale) if scale else 0.0


def _weighted(means: Mapping[str, float], weights: Mapping[str, float]) -> float:
    return sum(weights[name] * mean for name, mean in means.items()) / sum(weights.values())


def with_estimates(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The candidates, each with its estimate among them; duplicates have that of their original."""
    every = list(candidates)
    found = estimates({c.name: c.scores for c in every if c.trained and c.scores and not c.duplicate_of})
    return [
        c.model_copy(update={"estimate": found.get(c.duplicate_of or c.name) if c.trained else None}) for c in every
    ]


def combined(
    search: Sequence[Outcome | None], validation: Sequence[Outcome | None] = ()
) -> tuple[Outcome | None, tuple[float, ...]]:
    """A candidate's outcome and scores from those of its trainings.

    The outcome is that of its first training in the search, or the first failure of any.
    """
    failed = next((o for o in (*search, *validation) if isinstance(o, Failed)), None)
    scores = tuple(o.report for o in (*search, *validation) if isinstance(o, Trained))
    first = next((o for o in search if o is not None), None)
    return (failed, ()) if failed else (first, scores)
