"""The end of a run: winner, human and sparse reward retrained on the same fresh seeds, and what may be said of it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from eureka import environments
from eureka.candidate import Candidate, Failed, Outcome, Trained
from eureka.config import LoadedTask
from eureka.display import FinalBegan, TrainingBegan
from eureka.errors import UserError
from eureka.evolve import Workshop
from eureka.seeds import derive

_STUDENT = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
    2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
"""Two-sided 95 % quantiles of Student's t for 1, 2, ... degrees of freedom."""


class Interval(BaseModel):
    """A 95 % interval of a mean over seeds, by Student's t.

    Percentile bootstraps of three to five values cover the mean in about four cases of five only.
    """

    model_config = ConfigDict(frozen=True)

    mean: float
    low: float
    high: float


class Arm(BaseModel):
    """One reward retrained on fresh seeds."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="evolved, human, sparse or environment")
    fitness: list[float] = Field(description="mean report fitness of each seed that trained to the end")
    last: list[float] = Field(description="selection fitness of each seed's last checkpoint, shown beside")
    failures: list[str] = Field(description="why the other seeds did not")
    mean: float | None = Field(description="of fitness; None if none trained")
    interval: Interval | None = Field(description="over seeds; None for fewer than two")

    @property
    def comparable(self) -> bool:
        """Whether anything may be concluded: two seeds at least, and none lost, which would flatter the rest."""
        return self.interval is not None and not self.failures


class Comparison(BaseModel):
    """What the arms say of each other."""

    model_config = ConfigDict(frozen=True)

    arms: list[Arm]
    normalised: float | None = Field(description="(evolved - sparse) / |human - sparse|; None if not defined")
    verdict: str = Field(description="win, tie or loss of evolved against human, by interval; or not defined")
    improvement: float | None = Field(description="probability that a seed of evolved beats one of human, or None")
    against: str = Field(default="human", description="environment where that is the only baseline: for human read it")


def baselines(shop: Workshop, task: LoadedTask) -> dict[str, str]:
    """The programs of the task's own rewards, by name; compiled once in a run.

    Raises:
        UserError: one of them cannot be used.
    """
    if task.baselines == (environments.BASELINE,):
        shop.run.once("baseline", {"arm": environments.BASELINE}, lambda: {"program": environments.PROGRAM})
        return {environments.BASELINE: environments.PROGRAM}
    sources = {name: path.read_text(encoding="utf-8") for name, path in task.rewards.items()}
    return {name: program_of(shop, name, task.rewards[name], source) for name, source in sources.items()}


def program_of(shop: Workshop, name: str, path: Path, source: str) -> str:
    """The program of a reward that a person wrote; compiled once in a run.

    Raises:
        UserError: it cannot be used.
    """
    known = shop.run.find("baseline", arm=name)
    if known is not None:
        return known["program"]
    ((_, result),) = shop.compiler.compile({name: source}, shop.trainer.description.fields())
    report = result if isinstance(result, Failed) else shop.trainer.preflight(result, shop.run.settings.worlds)
    if isinstance(report, Failed):
        where = f", line {report.line}" if report.line else ""
        raise UserError(f"{path}{where}: {report.message}")
    shop.run.append("baseline", arm=name, program=result)
    shop.run.write(f"baselines/{name}/reward.py", source)
    return str(result)


def compare(shop: Workshop, task: LoadedTask, winner: Candidate) -> Comparison:
    """Retrain winner, human and sparse on the same fresh seeds with the same budget, all at once."""
    verdict = shop.run.find("verdict", fingerprint=winner.fingerprint)
    assert verdict is not None
    return comparison(_retrained(shop, {"evolved": verdict["program"], **baselines(shop, task)}))


def train_alone(shop: Workshop, name: str, path: Path, source: str) -> Comparison:
    """Train one reward on the same fresh seeds; nothing to compare it with.

    Raises:
        UserError: it cannot be used.
    """
    arms = _retrained(shop, {name: program_of(shop, name, path, source)})
    return Comparison(arms=list(arms.values()), normalised=None, verdict="not defined", improvement=None)


def _retrained(shop: Workshop, programs: dict[str, str]) -> dict[str, Arm]:
    """Arms by name. All seeds share the report episodes and the dealing of minibatches; the rest is their own."""
    settings = shop.run.settings
    slots = [(arm, seed) for arm in programs for seed in range(settings.final_seeds)]
    shop.display(FinalBegan(tuple(programs), settings.final_seeds))
    shop.display(TrainingBegan(tuple(f"{arm} {seed + 1}" for arm, seed in slots)))
    outcomes = shop.trainer.train(
        shop.run,
        "final",
        programs=[programs[arm] for arm, _ in slots],
        seeds=[derive(settings.seed, "final", seed) for _, seed in slots],
        purpose="final",
        places=[f"final/{arm}-{seed}/policy.safetensors" for arm, seed in slots],
        on_progress=shop.display,
    )
    by_arm = {arm: [o for (a, _), o in zip(slots, outcomes, strict=True) if a == arm] for arm in programs}
    return {arm: arm_of(arm, results) for arm, results in by_arm.items()}


def arm_of(name: str, outcomes: Sequence[Outcome]) -> Arm:
    """The summary of one arm's trainings."""
    trained = [o for o in outcomes if isinstance(o, Trained)]
    fitness = [o.report for o in trained]
    return Arm(
        name=name,
        fitness=fitness,
        last=[o.curves.fitness[-1] for o in trained],
        failures=[str(o) for o in outcomes if isinstance(o, Failed)],
        mean=statistics.fmean(fitness) if fitness else None,
        interval=interval(fitness) if len(fitness) > 1 else None,
    )


def comparison(arms: dict[str, Arm]) -> Comparison:
    """What `evolved` and the baselines say of each other; nothing where seeds are too few or were lost."""
    against = "human" if "human" in arms else environments.BASELINE
    intervals = {name: arm.interval if arm.comparable else None for name, arm in arms.items()}
    evolved, human, sparse = (intervals.get(name) for name in ("evolved", against, "sparse"))
    verdict, normalised, improvement = "not defined", None, None
    if evolved and human:
        verdict = "win" if evolved.low > human.high else "loss" if evolved.high < human.low else "tie"
        improvement = probability_of_improvement(arms["evolved"].fitness, arms[against].fitness)
        if sparse:
            normalised = human_normalised(evolved.mean, human, sparse)
    return Comparison(
        arms=list(arms.values()), normalised=normalised, verdict=verdict, improvement=improvement, against=against
    )


def interval(values: Sequence[float]) -> Interval:
    """A 95 % interval of the mean of two values or more: mean +- t s / sqrt(n)."""
    mean, n = statistics.fmean(values), len(values)
    reach = _STUDENT[min(n - 1, len(_STUDENT)) - 1] * statistics.stdev(values) / math.sqrt(n)
    return Interval(mean=mean, low=mean - reach, high=mean + reach)


def probability_of_improvement(a: Sequence[float], b: Sequence[float]) -> float:
    """The share of pairs in which `a` is greater, ties as halves (Mann and Whitney 1947, U / (n m))."""
    return statistics.fmean((x > y) + 0.5 * (x == y) for x in a for y in b)


def human_normalised(method: float, human: Interval, sparse: Interval) -> float | None:
    """(method - sparse) / |human - sparse|, Ma et al. 2023; None where the two baselines cannot be told apart."""
    if human.low <= sparse.high and sparse.low <= human.high:
        return None
    return (method - sparse.mean) / abs(human.mean - sparse.mean)
