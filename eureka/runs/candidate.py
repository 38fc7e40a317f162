"""A reward function in one generation, with all that became of it. Failures are values, not exceptions."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from eureka.runs.replies import Address
from eureka.text import number

Stage = Literal["reply", "extract", "compile", "preflight", "train"]
_LONGEST_MESSAGE = 600


def _empty(values: dict[str, Any]) -> bool:
    return not values


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Failed(_Record):
    """Why a candidate cannot be trained, or could not be trained to the end."""

    stage: Stage = Field(description="where it failed")
    message: str = Field(description="one sentence, safe to show to a person and to a model")
    line: int | None = Field(default=None, description="line of the reward's text")
    machine: bool = Field(
        default=False, description="whether it depends on the machine (time, memory), so is never redone"
    )

    @field_validator("message")
    @classmethod
    def _one_clean_line(cls, message: str) -> str:
        """Messages may quote a candidate, or come from a process that one took over."""
        clean = "".join(c if c.isprintable() else " " for c in message)
        return clean if len(clean) <= _LONGEST_MESSAGE else clean[:_LONGEST_MESSAGE] + "..."

    @field_validator("line")
    @classmethod
    def _a_real_line(cls, line: int | None) -> int | None:
        return line if line is not None and 0 < line < 1_000_000 else None

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        stage = "" if self.stage == "reply" else f"{self.stage}: "
        return f"failed: {stage}{where}{self.message}"


@dataclass(frozen=True)
class Known:
    """A failure that depended on the machine, and was recorded: it is not decided again."""

    failed: Failed
    until: int | None = None  # of a training: the iteration of the rung that it was on the way to; None for its end


class Curves(_Record):
    """How a training went, one value a checkpoint; means over what came since the checkpoint before."""

    steps: list[int] = Field(description="training world-steps at each checkpoint")
    fitness: list[float] = Field(description="mean fitness of the deterministic policy on selection episodes")
    training_fitness: list[float | None] = Field(description="mean fitness of episodes that ended in training")
    episode_length: list[float | None] = Field(description="mean length of those episodes, control steps")
    total: list[float] = Field(description="mean total reward of a control step")
    components: dict[str, list[float]] = Field(description="mean of each component of a control step")
    least: dict[str, list[float]] = Field(description="smallest value of each component")
    greatest: dict[str, list[float]] = Field(description="greatest value of each component")
    sizes: dict[str, list[float]] = Field(
        default={}, exclude_if=_empty, description="mean absolute value of each component of a control step"
    )
    sums: dict[str, list[float | None]] = Field(
        default={},
        exclude_if=_empty,
        description="mean sum of each component over an episode that ended in training",
    )
    correlations: dict[str, list[float | None]] = Field(
        default={},
        exclude_if=_empty,
        description="correlation of its mean over an episode with the episode's fitness; None for few episodes, or "
        "without variation",
    )
    kl: list[float] = Field(description="mean KL divergence over the steps of the updates")
    learning_rate: list[float] = Field(description="learning rate at the checkpoint")
    action_std: list[float] = Field(description="mean standard deviation of the actions at the checkpoint")
    metrics: dict[str, list[float]] = Field(
        default={}, description="mean of each of the task's metrics on the selection episodes"
    )


class Point(_Record):
    """One value of each of the `Curves`, at a checkpoint; None for a value that is not finite or not known."""

    steps: int
    fitness: float | None
    training_fitness: float | None
    episode_length: float | None
    total: float | None
    kl: float | None
    learning_rate: float | None
    action_std: float | None
    components: dict[str, float | None]
    least: dict[str, float | None]
    greatest: dict[str, float | None]
    metrics: dict[str, float | None] = {}
    sizes: dict[str, float | None] = Field(default={}, exclude_if=_empty)
    sums: dict[str, float | None] = Field(default={}, exclude_if=_empty)
    correlations: dict[str, float | None] = Field(default={}, exclude_if=_empty)


class Trained(_Record):
    """What a training gave."""

    curves: Curves
    best: int = Field(description="the checkpoint that was chosen, by selection fitness; the earliest of equals")
    selection: float = Field(description="its selection fitness")
    report: float = Field(
        description="its mean fitness on report episodes, which chose no checkpoint: the score of the training"
    )
    report_episodes: list[float] = Field(description="the fitness of each report episode")
    metrics: dict[str, float] = Field(default={}, description="mean of the task's metrics on report episodes")
    merit: tuple[float, ...] = Field(
        default=(), description="the metrics in the task's order, signed so that higher is better: ranks equal fitness"
    )
    diverged: int = Field(description="world-steps of training in which a world's physics diverged")
    steps: int = Field(description="training world-steps")


class Dropped(_Record):
    """What a training gave that a race ended early, for others did better by then."""

    curves: Curves
    best: int = Field(description="the checkpoint with the highest selection fitness; the earliest of equals")
    selection: float = Field(description="its selection fitness")
    diverged: int = Field(description="world-steps of training in which a world's physics diverged")
    steps: int = Field(description="training world-steps until it was ended")
    merit: tuple[float, ...] = Field(default=(), description="as of `Trained`, at the last checkpoint")

    def __str__(self) -> str:
        return f"dropped at step {self.steps}, with fitness {self.selection:.4g}"


Outcome = Trained | Dropped | Failed


def outcome_of(record: Mapping[str, Any]) -> Outcome:
    """An outcome as the journal holds it."""
    kind = Trained if "report" in record else Dropped if "curves" in record else Failed
    return kind.model_validate(record)


class Score(_Record):
    """What one training to the end says of a candidate."""

    report: float = Field(description="fitness of its best checkpoint on report episodes")
    selection: float = Field(description="the same on the episodes that chose the checkpoint")
    training: float | None = Field(
        description="fitness of the last episodes of training, with exploration; None if none ended"
    )
    merit: tuple[float, ...] = Field(default=(), description="as of `Trained`")


class Estimate(_Record):
    """A candidate's fitness as estimated from its trainings (`eureka.runs.estimates`)."""

    mean: float = Field(description="mean of its trainings' scores, shrunken towards that of all candidates")
    error: float | None = Field(description="standard error; None while no candidate has been trained twice")
    trainings: int = Field(description="complete trainings, each on its own seed")

    def __str__(self) -> str:
        """Such as `3.9 +- 0.4, 3 trainings`."""
        many = f"{self.trainings} training{'s' if self.trainings != 1 else ''}"
        if self.error is None:
            return f"{number(self.mean)}, {many}"
        mean = number(self.mean)
        decimals = len(mean.partition(".")[2])
        error = number(self.error) if "e" in mean else f"{self.error:.{decimals}f}"
        return f"{mean} +- {error}, {many}"


class Candidate(_Record):
    """One reward function of one generation."""

    generation: int
    slot: int
    attempt: int = Field(description="0 for the first reply, then one more for each repair")
    reply: str = Field(description="the designer's reply, whole and untrusted")
    code: str | None = Field(description="the reward's text as taken from the reply")
    notes: tuple[str, ...] = Field(default=(), description="code blocks that were ignored or combined")
    parents: tuple[str, ...] = Field(
        default=(),
        exclude_if=lambda names: not names,
        description="names of the candidates that its prompt reflected on, the first of them in full",
    )
    remarks: tuple[str, ...] = Field(
        default=(), exclude_if=lambda texts: not texts, description="what people said of its policy"
    )
    fingerprint: str | None = Field(default=None, description="of its program, if it became one")
    duplicate_of: str | None = Field(
        default=None, description="name of the candidate with the same program, trained instead"
    )
    warm: str | None = Field(default=None, description="name of the candidate whose policy it began from, if it did")
    outcome: Outcome | None = Field(
        default=None,
        description="what became of its first training, or the failure of any; None while it trains",
    )
    scores: tuple[Score, ...] = Field(
        default=(), description="of its complete trainings: those of the search, then those of the validation"
    )
    validated: int = Field(default=0, description="how many of the scores are of the validation")
    estimate: Estimate | None = Field(default=None, description="of its fitness; None if it was not trained to the end")

    @property
    def name(self) -> str:
        return f"{self.generation}.{self.slot}"

    @property
    def rank(self) -> tuple[float, tuple[float, ...], int]:
        """What chooses parents and the winner: the estimate; of equals the metrics, then the earlier checkpoint."""
        assert self.estimate is not None and self.trained is not None
        merits = [score.merit for score in self.scores]
        return self.estimate.mean, tuple(map(statistics.fmean, zip(*merits, strict=True))), -self.trained.best

    @property
    def address(self) -> Address:
        return self.generation, self.slot, self.attempt

    @property
    def trained(self) -> Trained | None:
        return self.outcome if isinstance(self.outcome, Trained) else None

    @property
    def dropped(self) -> Dropped | None:
        """Its training, if a race ended it early."""
        return self.outcome if isinstance(self.outcome, Dropped) else None

    @property
    def failed(self) -> Failed | None:
        """Its failure, if it failed."""
        return self.outcome if isinstance(self.outcome, Failed) else None
