"""The description of a task for designers. The trainer process extracts it from the task class and sends it as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from eureka.config.settings import Preset


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class StateField(_Frozen):
    """A state quantity that a reward function can take as an argument."""

    name: str
    shape: tuple[int, ...] = Field(description="without the leading N")
    dtype: str
    doc: str = Field(description="shape, unit and frame, as documented by the task")
    usual: tuple[float, float] | None = Field(
        default=None, description="where 90% of its entries are at the start of random play; None: not known"
    )


class Constant(_Frozen):
    """A named constant of the task."""

    name: str
    value: float
    doc: str


class Parameter(_Frozen):
    """A parameter that a task declares, with its value in a run."""

    name: str
    value: str = Field(description="a number, or how it varies; with stages, that of the last one")
    default: float
    unit: str
    low: float
    high: float
    doc: str
    kind: Literal["per world", "constant", "whole number", "switch"] = Field(
        description="`per world`: it may vary, and rewards may ask for it"
    )
    varies: bool = Field(default=False, description="whether it differs between worlds or over a training")


class MetricDescription(_Frozen):
    """What a task measures beside its fitness."""

    name: str
    unit: str
    better: Literal["higher", "lower"]
    doc: str


class Training(_Frozen):
    """How a policy is trained and judged, as told to designers."""

    steps: int = Field(description="world-steps")
    worlds: int
    discount: float = Field(description="per control step")
    initial_std: float = Field(description="standard deviation of the actions at the start")
    moments: int = Field(description="at which the fitness is measured")
    selection_episodes: int
    report_episodes: int
    noisy: bool = Field(description="whether episodes of training count as well")


class Description(_Frozen):
    """Everything that a designer may know about a task. The code of the fitness function is not included."""

    name: str
    goal: str = Field(description="the task in one sentence, from its YAML")
    scene: str = Field(description="the scene, from the class docstring")
    state: tuple[StateField, ...]
    action: str = Field(description="meaning of an action")
    action_size: int
    choices: tuple[int, ...] = Field(
        default=(),
        exclude_if=lambda sizes: not sizes,
        description="sizes of the choices that an action consists of, as one-hot numbers; empty: numbers in [-1, 1]",
    )
    termination: str = Field(description="what ends an episode before the horizon; empty: nothing")
    constants: tuple[Constant, ...]
    parameters: tuple[Parameter, ...] = ()
    stages: tuple[str, ...] = Field(default=(), description="stages of a training in words, one line each")
    policy: str = Field(default="", description="where the policy comes from that a training starts from; empty: new")
    metrics: tuple[MetricDescription, ...] = Field(default=(), description="the most telling first")
    fitness_name: str = Field(default="", description="what the fitness is, in words; empty: not told")
    fitness_unit: str = Field(default="", description="such as `m/s`; empty: not stated")
    fitness_range: tuple[float | None, float | None] = Field(
        default=(None, None), description="lowest and highest fitness of an episode; None: not known"
    )
    training: Training | None = Field(default=None, description="None: not known")
    trainer: str = Field(default="", description="how a command of the user's trains, in words; empty: ours does")
    horizon: int = Field(description="control steps after which an episode is truncated")
    control_period: float = Field(description="seconds between two actions")
    observation_size: int
    unfinished: str = Field(default="", description="for the user: what is still to be written before a training")
    assumptions: tuple[str, ...] = Field(default=(), description="for the user: assumptions about missing information")

    def trained_with(self, settings: Preset) -> Description:
        """This description with what a designer may know about a training of these sizes."""
        if self.trainer:
            return self.model_copy(update={"trainer": f"A training has {settings.steps:,} steps. {self.trainer}"})
        learning, evaluation = settings.learning, settings.evaluation
        training = Training(
            steps=settings.iterations * settings.worlds * learning.horizon,
            worlds=settings.worlds,
            discount=learning.gamma,
            initial_std=learning.initial_std,
            moments=len(evaluation.marks(settings.iterations)),
            selection_episodes=evaluation.selection_episodes,
            report_episodes=evaluation.report_episodes,
            noisy=settings.choose_by == "estimate",
        )
        return self.model_copy(update={"training": training})

    def changed_parameters(self) -> str:
        """The parameters that have not their default, such as `goal_step 0.8 rad (default 0)`; empty if all have."""
        return changed_parameters(self.parameters)

    def fields(self) -> dict[str, tuple[tuple[int, ...], str]]:
        """What rewards may ask for, by name: shape without the leading N, and dtype."""
        given = {p.name: ((), "float32") for p in self.parameters if p.kind == "per world"}
        return given | {f.name: (f.shape, f.dtype) for f in self.state}


def changed_parameters(parameters: Iterable[Parameter]) -> str:
    """The parameters that have not their default, such as `goal_step 0.8 rad (default 0)`; empty if all have."""
    changed = [p for p in parameters if p.varies or p.value != f"{p.default:g}"]
    return ", ".join(f"{' '.join(filter(None, (p.name, p.value, p.unit)))} (default {p.default:.3g})" for p in changed)
