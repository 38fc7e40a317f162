"""Run settings: presets, PPO, evaluation, language models."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from eureka.config.parameters import Curriculum, Stage, Values, check_stages
from eureka.errors import did_you_mean
from eureka.text import whole

MOST_WORLDS = 2**20  # that a reward program is checked for
ROUNDS = 3  # Maximum attempts at a generation in which no candidate can be trained


PresetName = Literal["cpu", "gpu", "paper", "bird"]
ChooseBy = Literal["estimate", "checkpoint"]
Whole = Annotated[int, BeforeValidator(whole)]
"""A whole number; also the text `1e6`, as YAML 1.1 reads it."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Learning(_Strict):
    """PPO hyperparameters, shared by all members of a population."""

    horizon: Whole = Field(default=24, ge=1, description="rollout length: control steps per world and update")
    hidden: tuple[Whole, ...] = Field(default=(256, 128, 64), description="hidden layer widths of actor and critic")
    epochs: Whole = Field(default=5, ge=1, description="passes over a rollout per update")
    minibatches: Whole = Field(default=4, ge=1, description="minibatches per pass")
    learning_rate: float = Field(default=1e-3, gt=0, description="initial step size of Adam; adapted to kl_target")
    kl_target: float = Field(default=0.01, gt=0, description="target KL divergence of the adaptive learning rate")
    gamma: float = Field(default=0.99, gt=0, le=1, description="discount factor per control step")
    lam: float = Field(default=0.95, ge=0, le=1, description="lambda of generalized advantage estimation")
    clip: float = Field(default=0.2, gt=0, description="clipping range of the probability ratio and the value")
    entropy: float = Field(default=0.0, ge=0, description="weight of the entropy bonus")
    value_coefficient: float = Field(default=1.0, ge=0, description="weight of the value loss")
    gradient_norm: float = Field(default=1.0, gt=0, description="maximum gradient norm")
    initial_std: float = Field(default=1.0, gt=0, description="initial standard deviation of the policy")
    averaging: Whole = Field(
        default=0,
        ge=0,
        exclude_if=lambda updates: not updates,
        description="updates over which the parameters of the evaluated policy are averaged; 0: the latest ones",
    )


class Evaluation(_Strict):
    """Number and length of policy evaluations."""

    checkpoints: Whole = Field(default=10, ge=1, le=10, description="evaluations, evenly spaced over a training")
    selection_episodes: Whole = Field(default=8, ge=1, description="episodes per checkpoint; they select the best one")
    report_episodes: Whole = Field(default=32, ge=1, description="separate episodes that measure the selected policy")

    def marks(self, iterations: int) -> list[int]:
        """Iterations after which policies are evaluated: evenly spaced, including the last one."""
        count = min(iterations, self.checkpoints)
        return [math.ceil(iterations * (k + 1) / count) for k in range(count)]

    def steps(self, horizon: int) -> int:
        """Upper bound on a candidate's evaluation in world-steps, for episodes of `horizon` control steps."""
        return (self.checkpoints * self.selection_episodes + self.report_episodes) * horizon

    def within(self, budget: float, horizon: int) -> Evaluation:
        """Reduced settings that cost at most `budget` world-steps, but no fewer than 1, 2 and 4."""
        checkpoints, selection, report = self.checkpoints, self.selection_episodes, self.report_episodes
        while (checkpoints * selection + report) * horizon > budget:
            if report > 4 and report >= checkpoints * selection:
                report = max(4, report // 2)
            elif selection > 2:
                selection = max(2, selection // 2)
            elif checkpoints > 1:
                checkpoints -= 1
            elif report > 4:
                report = max(4, report // 2)
            else:
                break
        return Evaluation(checkpoints=checkpoints, selection_episodes=selection, report_episodes=report)


@dataclass(frozen=True)
class Plan:
    """The part of the settings that decides a training; the same for all members."""

    worlds: int
    iterations: int
    learning: Learning
    evaluation: Evaluation
    seed: int  # The run's seed, from which evaluation episodes and minibatch permutations are drawn
    purpose: str  # `search`, `validation` or `final`: they draw unrelated episodes
    compiled: bool = False  # Whether the programs are merged and compiled
    curriculum: Curriculum = Curriculum()  # Parameters of the task, and the stages of the training


class Racing(_Strict):
    """Successive halving: the worst candidates at each rung stop training."""

    rungs: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        default=(0.5,),
        min_length=1,
        description="fractions of the training at which candidates are ranked",
    )
    keep: float = Field(default=0.5, gt=0, lt=1, description="fraction of the candidates that continue after each rung")
    seeds: tuple[Annotated[Whole, Field(ge=1)], ...] = Field(
        default=(), description="trainings of each candidate up to each rung, at most `seeds` of the run; (): one"
    )

    @model_validator(mode="after")
    def _seeds_for_each_rung(self) -> Racing:
        if self.seeds and (len(self.seeds) != len(self.rungs) or list(self.seeds) != sorted(self.seeds)):
            raise ValueError("give one number of trainings for each rung, none smaller than the one before")
        return self

    def trainings(self, rung: int) -> int:
        """Trainings of each candidate at a rung."""
        return self.seeds[rung] if self.seeds else 1


class Preset(_Strict):
    """Size of a run on one kind of machine."""

    generations: Whole = Field(ge=1, description="iterations of prompting, training and reflection")
    samples: Whole = Field(ge=1, description="candidates per generation")
    repairs: Whole = Field(default=2, ge=0, description="repair attempts for a failed candidate")
    worlds: Whole = Field(ge=1, le=MOST_WORLDS, description="worlds per candidate during training")
    steps: Whole = Field(ge=1, description="training world-steps per candidate")
    final_seeds: Whole = Field(
        default=5,
        ge=0,
        description="fresh seeds for the final comparison of the winner with the task's rewards; 0: no comparison",
    )
    choose_by: ChooseBy = Field(
        default="estimate",
        description="what chooses parents and the winner: an estimate from report episodes and episodes of training; "
        "or, as in the paper, the selection fitness of the best checkpoint",
    )
    seeds: Whole = Field(default=1, ge=1, description="trainings of each candidate, on different seeds; 1 in the paper")
    racing: Racing | None = Field(default=None, description="early stopping of weak candidates; None: off")
    finalists: Whole = Field(default=3, ge=1, description="candidates of all generations that are validated")
    validation_seeds: Whole = Field(
        default=3,
        ge=0,
        description="fresh seeds on which the finalists are trained again before one is the winner; 0: no validation",
    )
    screen: bool = Field(
        default=True,
        exclude_if=lambda on: on,
        description="whether a reward that pays random actions more than the best policy so far is sent back untrained",
    )
    warm_start: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="fraction of the steps when training starts from the parent's policy; None: disabled",
    )
    learning: Learning = Field(default=Learning(), description="PPO hyperparameters")
    evaluation: Evaluation = Field(default=Evaluation(), description="evaluation settings")
    parameters: Values = Field(default={}, description="parameters of the task; others have the task's defaults")
    stages: tuple[Stage, ...] = Field(default=(), description="parts of a training with parameters of their own")

    @field_validator("stages")
    @classmethod
    def _stages_of_a_training(cls, stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
        check_stages(stages)
        return stages

    @property
    def curriculum(self) -> Curriculum:
        """The parameters of the task, and how they change in a training."""
        return Curriculum(self.parameters, self.stages)

    @property
    def iterations(self) -> int:
        """Number of PPO updates within `steps`, at least one."""
        return max(1, self.steps // (self.worlds * self.learning.horizon))

    @property
    def warm_iterations(self) -> int:
        """Number of PPO updates when training starts from the parent's policy."""
        return max(1, round(self.iterations * (self.warm_start or 1.0)))


class Prices(_Strict):
    """Prices of a language model, in USD per million tokens."""

    input: float = Field(ge=0, allow_inf_nan=False, description="prompt tokens")
    output: float = Field(ge=0, allow_inf_nan=False, description="reply tokens, including reasoning")
    cached: float = Field(ge=0, allow_inf_nan=False, description="tokens of a prompt that the server had in its cache")

    def most(self, prompt: int, completion: int) -> float:
        """Upper bound on the cost of a call in USD, cached or not."""
        return (prompt * max(self.input, self.cached) + completion * self.output) / 1e6

    def cost(self, prompt: int, cached: int, completion: int) -> float:
        """Cost of a call in USD; `cached` of the `prompt` tokens came from the server's cache."""
        return ((prompt - cached) * self.input + cached * self.cached + completion * self.output) / 1e6


class Asking(_Strict):
    """Sampling parameters and limits for language models."""

    temperature: float = Field(default=1.0, ge=0, le=2, description="sampling temperature; 1 in the paper")
    reply_tokens: Whole = Field(default=16_384, ge=1, description="maximum length of a reply, including reasoning")
    timeout: float = Field(default=300.0, gt=0, allow_inf_nan=False, description="seconds to wait for data")
    max_usd: float | None = Field(default=None, gt=0, allow_inf_nan=False, description="cost limit of the run")
    max_tokens: Whole | None = Field(default=None, ge=1, description="token limit of the run, prompts and replies")
    prices: Prices | None = Field(default=None, description="prices at the start of the run; None: unknown")
    options: dict[str, Any] = Field(
        default={}, exclude_if=lambda options: not options, description="further parameters of each call"
    )
    strict: bool = Field(default=False, description="whether a replay refuses prompts that differ")


class StartPolicy(_Strict):
    """A policy that every training of a run starts from, with a new critic."""

    origin: str = Field(description="the run or file that it comes from, as shown to people")
    file: str = Field(description="absolute path; the run has a copy")
    sha256: str
    samples: int = Field(ge=0, description="weight of its observation normaliser, in observations")


class Settings(Preset):
    """A preset and all other settings that determine the result of a run. Stored in the run folder."""

    preset: PresetName = Field(description="name of the preset that the values above are based on")
    seed: Whole = Field(default=0, ge=0, lt=2**31, description="seed of all random numbers of the run")
    strategy: Literal["greedy", "elite", "islands", "best-of-n", "python"] = Field(
        default="greedy",
        description="greedy reflects on the best of the latest generation, as the paper; elite on the best of all "
        "generations; islands on one or two of several populations; best-of-n on none; python: a function",
    )
    llm: str = Field(default="search", description="the designer: search, openai:MODEL, manual, replay:RUN, ...")
    start: str | None = Field(
        default=None, description="initial reward to improve: human, sparse, or the path of a reward file"
    )
    policy: StartPolicy | None = Field(
        default=None, description="policy that every training starts from, such as that of an earlier stage; None: new"
    )
    asking: Asking = Field(default=Asking(), description="language model settings")
    device: Literal["cpu", "cuda", "warp-cpu"] = Field(default="cpu", description="device of simulation and training")
    devices: tuple[str, ...] = Field(default=(), description="GPUs that share each generation, e.g. cuda:0; (): one")
    workers: Whole | None = Field(
        default=None,
        ge=1,
        description="trainer processes per generation; None: one per GPU, or on Ray one per node or GPU",
    )
    executor: str = Field(default="local", description="what starts trainer processes: local, ray or ray:ADDRESS")
    compiled: bool = Field(default=False, description="merge and compile the rewards of a generation")

    @property
    def curriculum(self) -> Curriculum:
        """The parameters of the task, how they change in a training, and what it starts from."""
        return Curriculum(self.parameters, self.stages, self.policy.origin if self.policy else "")

    def title(self, task: str) -> str:
        """The task's name, with its parameters where some were given: results of others are not of the same task."""
        return f"{task} ({self.curriculum.variant})" if self.curriculum.variant else task

    def plan(self, purpose: str, warm: bool = False) -> Plan:
        """What decides a training for `purpose` (see `Plan.purpose`), from a parent's policy if `warm`."""
        iterations = self.warm_iterations if warm else self.iterations
        learned = (self.worlds, iterations, self.learning, self.evaluation, self.seed, purpose)
        return Plan(*learned, self.compiled, self.curriculum)


def first_problem(model: type[BaseModel], error: ValidationError) -> tuple[tuple[str | int, ...], str]:
    """Location and message of the first validation error, with a suggestion for an unknown key."""
    # A misspelled key is reported as unknown and its correct spelling as missing: the former is more helpful.
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    location = tuple(part for part in first["loc"] if part != "[key]")
    name = re.sub(r"stages\.(\d+)", lambda found: f"stage {int(found[1]) + 1}", ".".join(map(str, location)))
    match first["type"]:
        case "extra_forbidden":
            keys = _keys_at(model, location[:-1])
            return (
                location,
                f"unknown key {name!r}{did_you_mean(str(location[-1]), keys)}; keys here: {', '.join(keys)}",
            )
        case "missing":
            return location[:-1], f"the key {name!r} is missing"
        case "value_error":  # of a validator of ours, whose message is complete
            return location, f"{name}: {first['msg'].removeprefix('Value error, ')}".removeprefix(": ")
        case _:
            return location, f"{name}: {first['msg'][0].lower()}{first['msg'][1:]}, not {first['input']!r}"


def _keys_at(model: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    """Valid keys at `location` in `model`."""
    for part in location:
        field = model.model_fields.get(str(part))
        if field is None:  # a key of a dictionary, such as a preset's name
            continue
        annotation: Any = field.annotation
        inner = [a for a in (annotation, *getattr(annotation, "__args__", ())) if isinstance(a, type)]
        model = next((a for a in inner if issubclass(a, BaseModel)), model)
    return list(model.model_fields)
