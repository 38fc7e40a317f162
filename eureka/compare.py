"""Rewards retrained on the same fresh seeds with the same budget, and what may be said of them."""

from __future__ import annotations

import functools
import statistics
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field

from eureka import alarms, environments
from eureka.candidate import Candidate, Failed, Outcome, Trained
from eureka.config import Asking, LoadedTask
from eureka.display import FinalBegan, Said, TrainingBegan
from eureka.errors import UserError
from eureka.evolve import Workshop
from eureka.seeds import derive
from eureka.statistics import Interval, bootstrap, human_normalised, improvement, interquartile_mean, student

HUMAN, SPARSE, EVOLVED = "human", "sparse", "evolved"
_REACHED = 0.8
"""Sample efficiency: steps until this share of what the human reward makes of a policy."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Reward(_Frozen):
    """A reward that is to be retrained."""

    origin: str = Field(description="human, sparse, a file, or a run and its candidate")
    code: str | None = Field(description="its text; None for an environment's own reward, which has none")


class Entrant(_Frozen):
    """One arm of a comparison before it is trained: a way of getting a reward, with the rewards it gave."""

    name: str
    rewards: tuple[Reward, ...] = Field(description="each is trained on every seed")
    searches: int = Field(default=0, description="how many independent searches they come from; 0: a person wrote them")

    def key(self, reward: int) -> str:
        """The name of one of its rewards in journal and folders."""
        return self.name if len(self.rewards) == 1 else f"{self.name}-{reward}"

    @property
    def labels(self) -> tuple[str, ...]:
        """Its name and those of its rewards, which no other arm may have."""
        return tuple(dict.fromkeys([self.name, *(self.key(i) for i in range(len(self.rewards)))]))


class Wanted(_Frozen):
    """What a comparison does besides retraining."""

    controls: tuple[str, ...] = Field(default=(), description="searches to run first, whose winners are arms")
    llm: str = Field(default="search", description="the designer of the first run among the arms, for best-of-n")
    asking: Asking = Field(default=Asking(), description="how it is asked")
    robustness: bool = Field(default=False, description="whether policies are also tried under perturbed physics")
    correlation: bool = Field(default=False, description="whether rewards are held against the human one")


class Against(_Frozen):
    """What an arm says against the human reward, or against an environment's own where that is the one."""

    verdict: str = Field(description="win, tie or loss by interval; or not defined")
    improvement: float | None = Field(description="probability that one of its values beats one of the other's")
    improvement_interval: tuple[float, float] | None = Field(description="95 %, by bootstrap")
    normalised: float | None = Field(description="(arm - sparse) / |human - sparse|; None if not defined")


class Arm(_Frozen):
    """One arm, retrained on fresh seeds.

    What is independent of what decides on how much may be concluded: the seeds of one reward tell of that reward alone,
    so an arm of several rewards has one value for each of them, however many the seeds.
    """

    name: str
    origins: list[str] = Field(description="where its rewards come from")
    searches: int = Field(description="how many searches it rests on; 0: a person wrote it")
    fitness: list[float] = Field(
        description="its values: report fitness of each seed that trained to the end; with several rewards, of each "
        "reward, the mean over such seeds"
    )
    seeds: list[list[float]] = Field(default=[], description="report fitness of each such seed, by reward")
    last: list[float] = Field(description="selection fitness of each seed's last checkpoint, shown beside")
    failures: list[str] = Field(description="why the other seeds did not")
    mean: float | None = Field(description="of fitness; None if none trained")
    interval: Interval | None = Field(description="of the mean, Student's t; None for fewer than two values")
    iqm: float | None = Field(description="interquartile mean of fitness")
    iqm_interval: tuple[float, float] | None = Field(description="95 %, by bootstrap; too narrow for few seeds")
    steps_to_baseline: list[int | None] = Field(
        description="each seed's training world-steps until its fitness was 80 % of the way from the baseline's first "
        "checkpoints to its best; None: never, as for a seed that was lost; empty where the baseline did not rise"
    )
    against: Against | None = Field(description="what it says against the baseline; None for that itself, or without")
    correlation: float | None = Field(default=None, description="with the human reward, where the arm's policies go")
    robustness: dict[str, float] = Field(default={}, description="mean fitness of its policies by perturbation")
    alarms: list[str] = Field(default=[], description="what is suspicious about most of its seeds")

    @property
    def comparable(self) -> bool:
        """Whether anything may be concluded: two values at least, and no seed lost, which would flatter the rest."""
        return self.interval is not None and not self.failures


class Comparison(_Frozen):
    """What the arms say of each other."""

    arms: list[Arm]
    baseline: str | None = Field(default=None, description="the arm that others are held against: human, environment")

    def arm(self, name: str) -> Arm | None:
        """An arm by name, None if it is not among them."""
        return next((arm for arm in self.arms if arm.name == name), None)


def baselines(task: LoadedTask) -> list[Entrant]:
    """The task's own rewards."""
    if task.baselines == (environments.BASELINE,):
        own = Reward(origin=environments.BASELINE, code=None)
        return [Entrant(name=environments.BASELINE, rewards=(own,))]
    return [
        Entrant(name=name, rewards=(Reward(origin=name, code=path.read_text(encoding="utf-8")),))
        for name, path in task.rewards.items()
    ]


def of_run(shop: Workshop, task: LoadedTask, winner: Candidate) -> Comparison:
    """A run's winner beside the task's own rewards."""
    verdict = shop.run.find("verdict", fingerprint=winner.fingerprint)
    assert verdict is not None and winner.code is not None
    shop.run.once("baseline", {"arm": EVOLVED}, lambda: {"program": verdict["program"]})  # judged already
    if not shop.run.settings.final_seeds:
        return Comparison(arms=[])
    evolved = Reward(origin=f"candidate {winner.name}", code=winner.code)
    result = retrain(shop, [Entrant(name=EVOLVED, rewards=(evolved,), searches=1), *baselines(task)])
    first, *others = result.arms
    lucky = alarms.of_winner(winner.trained, first.interval) if winner.trained else []
    arms = [first.model_copy(update={"alarms": [*first.alarms, *lucky]}), *others]
    return result.model_copy(update={"arms": arms})


def check(shop: Workshop, entrants: Sequence[Entrant]) -> dict[str, str]:
    """The programs of all rewards by key; each is compiled once in a run, and every text only in the sandbox.

    Raises:
        UserError: one of them cannot be used.
    """
    return {
        entrant.key(i): _program(shop, entrant.key(i), reward)
        for entrant in entrants
        for i, reward in enumerate(entrant.rewards)
    }


def _program(shop: Workshop, key: str, reward: Reward) -> str:
    known = shop.run.find("baseline", arm=key)
    if known is not None:
        return known["program"]
    if reward.code is None:
        shop.run.append("baseline", arm=key, program=environments.PROGRAM)
        return environments.PROGRAM
    ((_, result),) = shop.compiler.compile({key: reward.code}, shop.trainer.description.fields())
    report = result if isinstance(result, Failed) else shop.trainer.preflight(result, shop.run.settings.worlds)
    if isinstance(report, Failed):
        where = f", line {report.line}" if report.line else ""
        raise UserError(f"{reward.origin}{where}: {report.message}")
    shop.run.append("baseline", arm=key, program=result)
    shop.run.write(f"baselines/{key}/reward.py", reward.code)
    return str(result)


def retrain(shop: Workshop, entrants: Sequence[Entrant], wanted: Wanted = Wanted()) -> Comparison:  # noqa: B008
    """Train every reward of every arm on the same fresh seeds with the same budget, and compare.

    As many at once as memory allows; all share the report episodes and the dealing of minibatches, the rest is each
    seed's own.
    """
    programs, settings = check(shop, entrants), shop.run.settings
    slots = [(e, e.key(i), s) for e in entrants for i in range(len(e.rewards)) for s in range(settings.final_seeds)]
    shop.display(FinalBegan(tuple(e.name for e in entrants), settings.final_seeds))
    together = shop.run.once("cut", {}, lambda: {"members": shop.trainer.room(settings)})["members"]
    outcomes: list[Outcome] = []
    trained: list[list[tuple[str, str, int]]] = []
    for begin in range(0, len(slots), together):
        part = slots[begin : begin + together]
        shop.display(TrainingBegan(tuple(f"{key} {seed + 1}" for _, key, seed in part)))
        ended = shop.trainer.train(
            shop.run,
            f"final-{begin // together}" if begin else "final",
            programs=[programs[key] for _, key, _ in part],
            seeds=[derive(settings.seed, "final", seed) for _, _, seed in part],
            purpose="final",
            places=[policy_of(key, seed) for _, key, seed in part],
            on_progress=shop.display,
        )
        outcomes += ended
        trained.append([(e.name, k, s) for (e, k, s), o in zip(part, ended, strict=True) if isinstance(o, Trained)])
    found = {e.name: [o for (of, _, _), o in zip(slots, outcomes, strict=True) if of is e] for e in entrants}
    return _probed(shop, wanted, programs, trained, comparison(entrants, found))


def _probed(
    shop: Workshop,
    wanted: Wanted,
    programs: Mapping[str, str],
    trained: Sequence[Sequence[tuple[str, str, int]]],
    result: Comparison,
) -> Comparison:
    """The comparison with what a second look at the trained policies (arm, reward's key, seed) shows.

    They are looked at in the parts in which they were trained, for the sake of memory.
    """
    human = programs.get(HUMAN) if wanted.correlation else None
    if not any(trained) or not (wanted.robustness or human):
        return result
    shop.display(Said("looking at the trained policies once more"))
    robustness: dict[str, list[float]] = {}
    correlation: list[float | None] = []
    for number, part in enumerate(trained):
        if not part:
            continue
        policies, of_each = [policy_of(key, seed) for _, key, seed in part], [programs[key] for _, key, _ in part]
        probe = functools.partial(shop.trainer.probe, shop.run, policies, of_each, human, wanted.robustness)
        look = shop.run.once("probed", {"part": number}, probe)
        for name, values in look["robustness"].items():
            robustness.setdefault(name, []).extend(values)
        correlation += look["correlation"] or []
    names = [name for part in trained for name, _, _ in part]
    arms = []
    for arm in result.arms:
        mine = [i for i, name in enumerate(names) if name == arm.name]
        tried = robustness.items() if mine else ()
        robust = {name: statistics.fmean(values[i] for i in mine) for name, values in tried}
        known = [r for i in mine if correlation and (r := correlation[i]) is not None]
        correlated = statistics.fmean(known) if known and arm.name != HUMAN else None
        arms.append(arm.model_copy(update={"robustness": robust, "correlation": correlated}))
    return result.model_copy(update={"arms": arms})


def policy_of(key: str, seed: int) -> str:
    """Where in a run's folder the policy of a reward and seed is."""
    return f"final/{key}-{seed}/policy.safetensors"


def comparison(entrants: Sequence[Entrant], outcomes: Mapping[str, Sequence[Outcome]]) -> Comparison:
    """What trainings say, given by the arms' names; nothing where seeds are too few or were lost."""
    trained = {name: [o for o in found if isinstance(o, Trained)] for name, found in outcomes.items()}
    name = next((n for n in (HUMAN, environments.BASELINE) if n in trained), None)
    threshold = _threshold(trained.get(name or "", []))
    plain = {e.name: _arm(e, outcomes[e.name], threshold) for e in entrants}
    baseline, sparse = plain.get(name or ""), plain.get(SPARSE)
    arms = [
        arm.model_copy(update={"against": _against(arm, baseline, sparse)}) if baseline and arm is not baseline else arm
        for arm in plain.values()
    ]
    return Comparison(arms=arms, baseline=name)


def _arm(entrant: Entrant, outcomes: Sequence[Outcome], threshold: float | None) -> Arm:
    trained = [o for o in outcomes if isinstance(o, Trained)]
    each = len(outcomes) // len(entrant.rewards)
    of_rewards = [outcomes[i * each : (i + 1) * each] for i in range(len(entrant.rewards))]
    seeds = [[o.report for o in of_one if isinstance(o, Trained)] for of_one in of_rewards]
    fitness = seeds[0] if len(seeds) == 1 else [statistics.fmean(of_one) for of_one in seeds if of_one]
    several = len(fitness) > 1
    return Arm(
        name=entrant.name,
        origins=[reward.origin for reward in entrant.rewards],
        searches=entrant.searches,
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
    """Fitness 80 % of the way from the baseline's first checkpoints to its best ones, whatever its zero and its sign.

    None where it did not rise, which is where the intervals of its first checkpoints and of its report fitness touch:
    untrained policies are as good then, and every arm would be there at once.
    """
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


def _against(arm: Arm, baseline: Arm, sparse: Arm | None) -> Against:
    mine, theirs = (a.interval if a.comparable else None for a in (arm, baseline))
    if mine is None or theirs is None:
        return Against(verdict="not defined", improvement=None, improvement_interval=None, normalised=None)
    floor = sparse.interval if sparse and sparse.comparable else None
    return Against(
        verdict="win" if mine.low > theirs.high else "loss" if mine.high < theirs.low else "tie",
        improvement=improvement([arm.fitness], [baseline.fitness]),
        improvement_interval=bootstrap(improvement, [arm.fitness], [baseline.fitness]),
        normalised=human_normalised(mine.mean, theirs, floor) if floor else None,
    )
