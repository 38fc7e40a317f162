"""Recorded results: arms, intervals, comparisons and benchmark summaries."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from eureka.config.settings import Asking

HUMAN, SPARSE, EVOLVED, START = "human", "sparse", "evolved", "start"


class Interval(BaseModel):
    """A 95 % interval around a value."""

    model_config = ConfigDict(frozen=True)

    mean: float
    low: float
    high: float


class BenchmarkRow(BaseModel):
    """One task of a benchmark."""

    model_config = ConfigDict(frozen=True)

    task: str = Field(description="its name, with its parameters where some were given")
    run: str = Field(description="the folder of its run")
    fitness: dict[str, float | None] = Field(description="mean over seeds of each arm")
    baseline: str | None = Field(description="what evolved is held against, as in its comparison; None: nothing")
    verdict: str = Field(description="evolved against the baseline: better, worse, undecided or not defined")
    improvement: float | None = Field(description="probability that a seed of evolved beats one of the baseline")
    normalised: float | None = Field(description="(evolved - sparse) / |human - sparse|; None if not defined")


class BenchmarkSummary(BaseModel):
    """What all tasks together say."""

    model_config = ConfigDict(frozen=True)

    lines: list[BenchmarkRow]
    counts: dict[str, int] = Field(description="tasks by verdict")
    normalised: float | None = Field(description="mean over the tasks where it is defined")
    clipped: float | None = Field(description="the same with each task's clipped to 0 .. 3, as in the paper")
    improvement: float | None = Field(description="mean over tasks of the probability of improvement")
    improvement_interval: tuple[float, float] | None = Field(description="95 %, seeds resampled within each task")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Reward(_Frozen):
    """A reward that is to be retrained."""

    origin: str = Field(description="human, sparse, a file, or a run and its candidate")
    code: str | None = Field(description="its text; None for an environment's own reward, which has none")


class ArmSpec(_Frozen):
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


class CompareOptions(_Frozen):
    """What a comparison does besides retraining."""

    controls: tuple[str, ...] = Field(default=(), description="searches to run first, whose winners are arms")
    llm: str = Field(default="search", description="the designer of the first run among the arms, for best-of-n")
    asking: Asking = Field(default=Asking(), description="how it is asked")
    robustness: bool = Field(default=False, description="whether policies are also tried under perturbed physics")
    notes: tuple[str, ...] = Field(default=(), description="what a reader of the comparison must know")
    correlation: bool = Field(default=False, description="whether rewards are held against the human one")


class Against(_Frozen):
    """What an arm says against the baseline or the sparse reward."""

    verdict: str = Field(description="better, worse or undecided by the interval of the difference; or not defined")
    difference: Interval | None = Field(
        default=None, description="mean of the arm minus that of the other, Welch's; its level allows for several looks"
    )
    seeds_needed: int | None = Field(
        default=None,
        description="where undecided: seeds of each with which a difference of this size is found with probability 0.8",
    )
    improvement: float | None = Field(description="probability that one of its values beats one of the other's")
    improvement_interval: tuple[float, float] | None = Field(description="95 %, by bootstrap")
    normalised: float | None = Field(description="(arm - sparse) / |human - sparse|; None if not defined")


class Arm(_Frozen):
    """One arm, retrained on fresh seeds; of several rewards it has one value each: seeds tell of one reward only."""

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
    against_sparse: Against | None = Field(default=None, description="the same against the sparse reward")
    against_start: Against | None = Field(
        default=None, exclude_if=lambda v: v is None, description="the same against the reward of `--start`"
    )
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
    baseline: str | None = Field(
        default=None, description="the arm that others are held against: human, else environment or sparse"
    )
    notes: tuple[str, ...] = Field(default=(), description="what a reader must know, such as other parameters")

    @property
    def all_solved(self) -> bool:
        """Whether every seed of every arm came near the best of the baseline, so that only the time differs."""
        return bool(self.arms) and all(a.steps_to_baseline and None not in a.steps_to_baseline for a in self.arms)

    def arm(self, name: str) -> Arm | None:
        return next((arm for arm in self.arms if arm.name == name), None)


class StrategyRow(BaseModel):
    """What the searches of one strategy on one task took."""

    model_config = ConfigDict(frozen=True)

    task: str
    strategy: str
    searches: int
    calls: int = Field(description="of a language model")
    prompt_tokens: int
    completion_tokens: int
    usd: float | None = Field(description="None: some calls have no known price")
    core_hours: float = Field(description="elapsed time of training and evaluation, times this machine's cores")


class StrategySummary(BaseModel):
    """What several searches with each strategy say."""

    model_config = ConfigDict(frozen=True)

    rows: list[StrategyRow]
    comparisons: dict[str, Comparison] = Field(description="by task: an arm for each strategy, intervals over searches")
