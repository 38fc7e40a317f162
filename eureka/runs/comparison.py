"""Comparisons and summaries computed from the outcomes of trainings."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Literal

from eureka.config import tasks
from eureka.runs import alarms
from eureka.runs.candidate import Failed, Outcome, Trained
from eureka.runs.results import (
    EVOLVED,
    HUMAN,
    SPARSE,
    START,
    Against,
    Arm,
    ArmSpec,
    BenchmarkRow,
    BenchmarkSummary,
    Comparison,
    Interval,
)
from eureka.runs.statistics import (
    LOOK_LEVEL,
    bootstrap,
    human_normalised,
    improvement,
    interquartile_mean,
    seeds_to_decide,
    student,
    welch,
)

_CLIP = 3.0  # upper limit of a normalised score; the lower one is 0 (Ma et al. 2023, figure 4)


_REACHED = 0.8  # sample efficiency: steps until this share of what the baseline makes of a policy


def summarise(found: dict[str, tuple[str, Comparison]]) -> BenchmarkSummary:
    """Add up what was found, given by task: the run's folder and its comparison."""
    lines, pairs = [], []
    for task, (folder, comparison) in found.items():
        evolved, baseline = comparison.arm(EVOLVED), comparison.arm(comparison.baseline or "")
        against = evolved.against if evolved else None
        lines.append(
            BenchmarkRow(
                task=task,
                run=folder,
                fitness={arm.name: arm.mean for arm in comparison.arms},
                baseline=comparison.baseline,
                verdict=against.verdict if against else "not defined",
                improvement=against.improvement if against else None,
                normalised=against.normalised if against else None,
            )
        )
        if against and against.improvement is not None and evolved and baseline:
            pairs.append((evolved.fitness, baseline.fitness))
    scores = [line.normalised for line in lines if line.normalised is not None]
    ours, theirs = [a for a, _ in pairs], [b for _, b in pairs]
    return BenchmarkSummary(
        lines=lines,
        counts={v: sum(line.verdict == v for line in lines) for v in ("better", "undecided", "worse", "not defined")},
        normalised=statistics.fmean(scores) if scores else None,
        clipped=statistics.fmean(min(max(s, 0.0), _CLIP) for s in scores) if scores else None,
        improvement=improvement(ours, theirs) if pairs else None,
        improvement_interval=bootstrap(improvement, ours, theirs, resamples=2000) if pairs else None,
    )


def comparison(specs: Sequence[ArmSpec], outcomes: Mapping[str, Sequence[Outcome]]) -> Comparison:
    """What trainings say, given by the arms' names; nothing where seeds are too few or were lost."""
    trained = {name: [o for o in found if isinstance(o, Trained)] for name, found in outcomes.items()}
    name = next((n for n in (HUMAN, tasks.BASELINE, SPARSE) if n in trained), None)
    threshold = _threshold(trained.get(name or "", []))
    plain = {e.name: _arm(e, outcomes[e.name], threshold) for e in specs}
    baseline, sparse, start = plain.get(name or ""), plain.get(SPARSE), plain.get(START)
    arms = []
    for arm in plain.values():
        held = {"against": _against(arm, baseline, sparse)} if baseline and arm is not baseline else {}
        if sparse and sparse is not baseline and arm is not sparse and arm is not baseline:
            held["against_sparse"] = _against(arm, sparse, None)
        if start and arm.name == EVOLVED:
            held["against_start"] = _against(arm, start, None)
        arms.append(arm.model_copy(update=held))
    return Comparison(arms=arms, baseline=name)


def _arm(spec: ArmSpec, outcomes: Sequence[Outcome], threshold: float | None) -> Arm:
    trained = [o for o in outcomes if isinstance(o, Trained)]
    each = len(outcomes) // len(spec.rewards)
    of_rewards = [outcomes[i * each : (i + 1) * each] for i in range(len(spec.rewards))]
    seeds = [[o.report for o in of_one if isinstance(o, Trained)] for of_one in of_rewards]
    fitness = seeds[0] if len(seeds) == 1 else [statistics.fmean(of_one) for of_one in seeds if of_one]
    several = len(fitness) > 1
    return Arm(
        name=spec.name,
        origins=[reward.origin for reward in spec.rewards],
        searches=spec.searches,
        fitness=fitness,
        seeds=seeds,
        last=[o.curves.fitness[-1] for o in trained],
        failures=[str(o) for o in outcomes if isinstance(o, Failed)],
        mean=statistics.fmean(fitness) if fitness else None,
        interval=student(fitness) if several else None,
        iqm=interquartile_mean([fitness]) if fitness else None,
        iqm_interval=bootstrap(interquartile_mean, [fitness]) if several else None,
        steps_to_baseline=[_reached(o, threshold) for o in outcomes] if threshold is not None else [],
        against=None,
        alarms=alarms.of_trainings(trained),
    )


def _threshold(baseline: Sequence[Trained]) -> float | None:
    """Fitness 80 % of the way from the baseline's first checkpoints to its best; None if their intervals touch."""
    if len(baseline) < 2:
        return None
    first = student([o.curves.fitness[0] for o in baseline])
    if first.high >= student([o.report for o in baseline]).low:
        return None
    return first.mean + _REACHED * (statistics.fmean(o.selection for o in baseline) - first.mean)


def _reached(outcome: Outcome, threshold: float) -> int | None:
    if isinstance(outcome, Failed):
        return None
    steps = zip(outcome.curves.steps, outcome.curves.fitness, strict=True)
    return next((step for step, fitness in steps if fitness >= threshold), None)


Verdict = Literal["better", "worse", "undecided"]


def verdict(difference: Interval) -> Verdict:
    """What the interval of a difference says of its first reward."""
    return "better" if difference.low > 0.0 else "worse" if difference.high < 0.0 else "undecided"


def _against(arm: Arm, other: Arm, sparse: Arm | None) -> Against:
    mine, theirs = (a.interval if a.comparable else None for a in (arm, other))
    if mine is None or theirs is None:
        return Against(verdict="not defined", improvement=None, improvement_interval=None, normalised=None)
    floor = sparse.interval if sparse and sparse is not other and sparse.comparable else None
    difference = welch(arm.fitness, other.fitness, LOOK_LEVEL)
    found = verdict(difference)
    return Against(
        verdict=found,
        difference=difference,
        seeds_needed=seeds_to_decide(arm.fitness, other.fitness) if found == "undecided" else None,
        improvement=improvement([arm.fitness], [other.fitness]),
        improvement_interval=bootstrap(improvement, [arm.fitness], [other.fitness]),
        normalised=human_normalised(mine.mean, theirs, floor) if floor else None,
    )
