"""The end of a run: winner, human and sparse reward retrained on the same fresh seeds, and what may be said of it."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from eureka.candidate import Candidate, Failed, Outcome, Trained
from eureka.config import LoadedTask
from eureka.errors import UserError
from eureka.evolve import Workshop
from eureka.seeds import derive

_RESAMPLES = 2000


class Interval(BaseModel):
    """A 95 % percentile bootstrap interval of a mean over seeds."""

    model_config = ConfigDict(frozen=True)

    mean: float
    low: float
    high: float


class Arm(BaseModel):
    """One reward retrained on fresh seeds."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="evolved, human or sparse")
    fitness: list[float] = Field(description="mean report fitness of each seed that trained to the end")
    last: list[float] = Field(description="selection fitness of each seed's last checkpoint, shown beside")
    failures: list[str] = Field(description="why the other seeds did not")
    interval: Interval | None = Field(description="over seeds; None if none trained")


class Comparison(BaseModel):
    """What the arms say of each other."""

    model_config = ConfigDict(frozen=True)

    arms: list[Arm]
    normalised: float | None = Field(description="(evolved - sparse) / |human - sparse|; None if not defined")
    verdict: str = Field(description="win, tie or loss of the evolved reward against the human one, by interval")
    improvement: float | None = Field(description="probability that a seed of evolved beats a seed of human")


def baselines(shop: Workshop, task: LoadedTask) -> dict[str, str]:
    """The programs of the task's own rewards, by name; compiled once in a run.

    Raises:
        UserError: one of them cannot be used.
    """
    sources = {name: path.read_text(encoding="utf-8") for name, path in task.rewards.items()}
    missing = {name: text for name, text in sources.items() if shop.run.find("baseline", arm=name) is None}
    for name, result in shop.compiler.compile(missing, shop.trainer.description.fields()):
        report = result if isinstance(result, Failed) else shop.trainer.preflight(result, shop.run.settings.worlds)
        if isinstance(report, Failed):
            where = f", line {report.line}" if report.line else ""
            raise UserError(f"{task.rewards[name]}{where}: {report.message}")
        shop.run.append("baseline", arm=name, program=result)
        shop.run.write(f"baselines/{name}/reward.py", sources[name])
    return {name: event["program"] for name in sources if (event := shop.run.find("baseline", arm=name))}


def compare(shop: Workshop, task: LoadedTask, winner: Candidate) -> Comparison:
    """Retrain winner, human and sparse on the same fresh seeds with the same budget, all at once."""
    settings = shop.run.settings
    verdict = shop.run.find("verdict", fingerprint=winner.fingerprint)
    assert verdict is not None
    programs = {"evolved": verdict["program"], **baselines(shop, task)}
    slots = [(arm, seed) for arm in programs for seed in range(settings.final_seeds)]
    shop.display.final(list(programs), settings.final_seeds)
    outcomes = shop.trainer.train(
        shop.run,
        "final",
        programs=[programs[arm] for arm, _ in slots],
        seeds=[derive(settings.seed, "final", seed) for _, seed in slots],
        purpose="final",
        places=[f"final/{arm}-{seed}/policy.safetensors" for arm, seed in slots],
        on_progress=shop.display.progress,
    )
    by_arm = {arm: [o for (a, _), o in zip(slots, outcomes, strict=True) if a == arm] for arm in programs}
    return comparison({arm: arm_of(arm, results) for arm, results in by_arm.items()})


def arm_of(name: str, outcomes: Sequence[Outcome]) -> Arm:
    """The summary of one arm's trainings."""
    trained = [o for o in outcomes if isinstance(o, Trained)]
    fitness = [o.report for o in trained]
    return Arm(
        name=name,
        fitness=fitness,
        last=[o.curves.fitness[-1] for o in trained],
        failures=[str(o) for o in outcomes if isinstance(o, Failed)],
        interval=interval(fitness) if fitness else None,
    )


def comparison(arms: dict[str, Arm]) -> Comparison:
    """What `evolved`, `human` and `sparse` say of each other."""
    evolved, human, sparse = (arms[name].interval for name in ("evolved", "human", "sparse"))
    verdict, normalised, improvement = "not defined", None, None
    if evolved and human:
        verdict = "win" if evolved.low > human.high else "loss" if evolved.high < human.low else "tie"
        improvement = probability_of_improvement(arms["evolved"].fitness, arms["human"].fitness)
    if evolved and human and sparse:
        normalised = human_normalised(evolved.mean, human, sparse)
    return Comparison(arms=list(arms.values()), normalised=normalised, verdict=verdict, improvement=improvement)


def interval(values: Sequence[float]) -> Interval:
    """A 95 % percentile bootstrap interval of the mean; the same for the same values."""
    chance = random.Random(0)
    means = sorted(statistics.fmean(chance.choices(values, k=len(values))) for _ in range(_RESAMPLES))
    low, high = means[int(0.025 * _RESAMPLES)], means[int(0.975 * _RESAMPLES) - 1]
    return Interval(mean=statistics.fmean(values), low=low, high=high)


def probability_of_improvement(a: Sequence[float], b: Sequence[float]) -> float:
    """The share of pairs in which `a` is greater, ties as halves (Mann and Whitney 1947, U / (n m))."""
    return statistics.fmean((x > y) + 0.5 * (x == y) for x in a for y in b)


def human_normalised(method: float, human: Interval, sparse: Interval) -> float | None:
    """(method - sparse) / |human - sparse|, Ma et al. 2023; None where the two baselines cannot be told apart."""
    if human.low <= sparse.high and sparse.low <= human.high:
        return None
    return (method - sparse.mean) / abs(human.mean - sparse.mean)
