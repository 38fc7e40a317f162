"""Estimates of the fitness of rewards from a few trainings each.

A training's score (`scores`) is a reward's true mean plus noise of the seed, and true means differ from the mean of
all: a normal model at both levels, with one variance of the seeds for all rewards. The posterior mean of a reward is
the mean of its trainings, shrunken towards the mean of all (Efron and Morris 1975): a reward that was trained once must
do better than one that was trained often. Variances are estimated by moments (DerSimonian and Laird 1986). With few
rewards the variance between them is often estimated as 0, which would make all equal; so it has a floor.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence

from eureka.config.settings import ChooseBy
from eureka.runs.candidate import Candidate, Estimate, Failed, Outcome, Score, Trained

_FLOOR = 0.25  # least variance between rewards, as a share of that between seeds; docs/search.md: 0.06 to 0.5


def estimates(given: Mapping[str, Sequence[float]]) -> dict[str, Estimate]:
    """The estimate of each reward from the scores of its trainings, one at least.

    While no reward has two trainings, the noise is not known: an estimate is the score, without an error. Rewards with
    one training get their error from the pooled variance of the others.
    """
    counts = {name: len(values) for name, values in given.items()}
    means = {name: statistics.fmean(values) for name, values in given.items()}
    noise = pooled_variance(list(given.values()))
    if noise is None:
        return {name: Estimate(mean=mean, error=None, trainings=1) for name, mean in means.items()}
    if noise == 0.0:
        return {name: Estimate(mean=mean, error=0.0, trainings=counts[name]) for name, mean in means.items()}
    spread = max(_FLOOR * noise, _between(means, counts, noise))
    weights = {name: 1.0 / (spread + noise / n) for name, n in counts.items()}
    center, of_center = _weighted(means, weights), 1.0 / sum(weights.values())
    found = {}
    for name, mean in means.items():
        own = noise / counts[name]
        kept = spread / (spread + own)
        error = math.sqrt(kept * own + (1.0 - kept) ** 2 * of_center)
        found[name] = Estimate(mean=center + kept * (mean - center), error=error, trainings=counts[name])
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


def scores(trainings: Mapping[str, Sequence[Score]], choose_by: ChooseBy) -> dict[str, list[float]]:
    """One number for each training.

    For `estimate`, the mean of report fitness and of the fitness of the last episodes of training, the latter raised by
    the mean difference of the two over all trainings. The former comes from one policy, the latter from many and from
    more episodes: it is less precise about that policy, and more about the reward. No score lies outside the range of
    the reports. `checkpoint` is selection fitness.
    """
    if choose_by == "checkpoint":
        return {name: [score.selection for score in of] for name, of in trainings.items()}
    apart = [s.report - s.training for of in trainings.values() for s in of if s.training is not None]
    level = statistics.fmean(apart) if apart else 0.0
    reports = [s.report for of in trainings.values() for s in of]
    low, high = min(reports, default=0.0), max(reports, default=0.0)

    def joined(score: Score) -> float:
        if score.training is None:
            return score.report
        return min(high, max(low, (score.report + score.training + level) / 2.0))

    return {name: [joined(score) for score in of] for name, of in trainings.items()}


def with_estimates(candidates: Iterable[Candidate], choose_by: ChooseBy) -> list[Candidate]:
    """The candidates, each with its estimate among them; duplicates have that of their original."""
    every = list(candidates)
    trained = {c.name: c.scores for c in every if c.trained and c.scores and not c.duplicate_of}
    found = estimates(scores(trained, choose_by))
    return [
        c.model_copy(update={"estimate": found.get(c.duplicate_of or c.name) if c.trained else None}) for c in every
    ]


def combined(
    search: Sequence[Outcome | None], validation: Sequence[Outcome | None] = ()
) -> tuple[Outcome | None, tuple[Score, ...]]:
    """A candidate's outcome and scores from those of its trainings.

    The outcome is that of its first training in the search, or the first failure of any.
    """
    failed = next((o for o in (*search, *validation) if isinstance(o, Failed)), None)
    found = tuple(
        Score(report=o.report, selection=o.selection, training=o.curves.training_fitness[-1], merit=o.merit)
        for o in (*search, *validation)
        if isinstance(o, Trained)
    )
    first = next((o for o in search if o is not None), None)
    return (failed, ()) if failed else (first, found)
