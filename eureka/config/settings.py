"""What comes in as text: task files and run settings, checked and documented field by field."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eureka.errors import did_you_mean

ROUNDS = 3
"""How often a generation may begin, if none of its candidates can be trained."""


PresetName = Literal["cpu", "gpu", "paper"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Learning(_Strict):
    """PPO's settings, the same for every member of a population."""

    horizon: int = Field(default=24, ge=1, description="control steps of each world between two updates")
    hidden: tuple[int, ...] = Field(
        default=(256, 128, 64), description="widths of the hidden layers of actor and critic"
    )
    epochs: int = Field(default=5, ge=1, description="passes over a rollout in an update")
    minibatches: int = Field(default=4, ge=1, description="parts that a pass is cut into")
    learning_rate: float = Field(default=1e-3, gt=0, description="Adam's first step size; it then follows kl_target")
    kl_target: float = Field(default=0.01, gt=0, description="KL divergence of a step that the learning rate aims for")
    gamma: float = Field(default=0.99, gt=0, le=1, description="discount a control step")
    lam: float = Field(default=0.95, ge=0, le=1, description="lambda of generalised advantage estimation")
    clip: float = Field(default=0.2, gt=0, description="clipping range of the probability ratio and of the value")
    entropy: float = Field(default=0.0, ge=0, description="weight of the entropy bonus")
    value_coefficient: float = Field(default=1.0, ge=0, description="weight of the value loss")
    gradient_norm: float = Field(default=1.0, gt=0, description="largest norm of a gradient")
    initial_std: float = Field(default=1.0, gt=0, description="standard deviation of the first actions")


class Evaluation(_Strict):
    """How often and how long policies are judged, apart from training."""

    checkpoints: int = Field(default=10, ge=1, le=10, description="evaluations spread evenly over a training")
    selection_episodes: int = Field(
        default=8, ge=1, description="episodes at each checkpoint, which choose the best one"
    )
    report_episodes: int = Field(default=32, ge=1, description="other episodes, on which the chosen policy is reported")

    def marks(self, iterations: int) -> list[int]:
        """The iterations after which policies are judged: evenly spread, the last one included."""
        count = min(iterations, self.checkpoints)
        return [math.ceil(iterations * (k + 1) / count) for k in range(count)]

    def steps(self, horizon: int) -> int:
        """World-steps that a candidate's evaluation takes at most, with episodes of `horizon` control steps."""
        return (self.checkpoints * self.selection_episodes + self.report_episodes) * horizon

    def within(self, budget: float, horizon: int) -> Evaluation:
        """This, or less of it, so that it costs at most `budget` world-steps; never less than 1, 2 and 4."""
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
    seed: int
    """The run's seed, from which evaluation episodes and minibatch permutations are drawn."""
    purpose: str
    """`search` or `final`: the two draw unrelated episodes."""
    compiled: bool = False
    """Whether the programs are merged and compiled."""


class Racing(_Strict):
    """Successive halving of a generation: who does worst at a rung trains no further."""

    rungs: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        default=(0.25, 0.5), min_length=1, description="shares of the training after which fitness decides"
    )
    keep: float = Field(default=0.5, gt=0, lt=1, description="share of the candidates that goes on from each rung")


class Preset(_Strict):
    """The size of a run, for one kind of machine."""

    generations: int = Field(ge=1, description="rounds of prompting, training and reflection")
    samples: int = Field(ge=1, description="candidates in a generation")
    repairs: int = Field(default=2, ge=0, description="times that a failed candidate is sent back with its error")
    worlds: int = Field(ge=1, description="worlds that each candidate trains in")
    steps: int = Field(ge=1, description="training world-steps of a candidate")
    final_seeds: int = Field(
        default=3, ge=0, description="fresh seeds on which winner, human and sparse are trained anew; 0: no comparison"
    )
    racing: Racing | None = Field(default=None, description="how losers are ended early; nobody is, as in the paper")
    warm_start: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="share of the steps for candidates that begin from their parent's policy; not given: none do",
    )
    learning: Learning = Field(default=Learning(), description="PPO's settings")
    evaluation: Evaluation = Field(default=Evaluation(), description="how policies are judged")

    @property
    def iterations(self) -> int:
        """PPO updates that `steps` allow, at least one."""
        return max(1, self.steps // (self.worlds * self.learning.horizon))

    @property
    def warm_iterations(self) -> int:
        """The same where candidates begin from their parent's policy."""
        return max(1, round(self.iterations * (self.warm_start or 1.0)))


class Prices(_Strict):
    """What a language model costs, in USD a million tokens."""

    input: float = Field(ge=0, allow_inf_nan=False, description="tokens of a prompt")
    output: float = Field(ge=0, allow_inf_nan=False, description="tokens of a reply, reasoning included")
    cached: float = Field(ge=0, allow_inf_nan=False, description="tokens of a prompt that the server had in its cache")

    def most(self, prompt: int, completion: int) -> float:
        """The most USD that a call can cost, in the cache or not."""
        return (prompt * max(self.input, self.cached) + completion * self.output) / 1e6

    def cost(self, prompt: int, cached: int, completion: int) -> float:
        """USD for a call; `cached` of the `prompt` tokens were in the server's cache."""
        return ((prompt - cached) * self.input + cached * self.cached + completion * self.output) / 1e6


class Asking(_Strict):
    """How a language model is asked, and what it may cost."""

    temperature: float = Field(default=1.0, ge=0, le=2, description="of sampling; the paper's is 1")
    reply_tokens: int = Field(default=16_384, ge=1, description="the most that a reply may have, reasoning included")
    timeout: float = Field(
        default=300.0, gt=0, allow_inf_nan=False, description="s without a sign of an answer after which it is given up"
    )
    max_usd: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="what all calls of the run together may cost"
    )
    max_tokens: int | None = Field(default=None, ge=1, description="what they may take, prompts and replies together")
    prices: Prices | None = Field(default=None, description="as they were when the run began; None: not known")


class Settings(Preset):
    """A preset with everything else that decides a run's result; stored in the run folder."""

    preset: PresetName = Field(description="the preset that the values above began from")
    seed: int = Field(default=0, ge=0, lt=2**31, description="decides every random number of the run")
    strategy: Literal["greedy", "best-of-n"] = Field(
        default="greedy", description="greedy reflects on each generation's best, as the paper; best-of-n on nothing"
    )
    llm: str = Field(default="search", description="the designer: search, openai:MODEL, manual, replay:RUN, ...")
    start: str | None = Field(
        default=None, description="a reward in the place of generation 0's best: human, or the path of a file"
    )
    asking: Asking = Field(default=Asking(), description="for designers that are language models")
    device: Literal["cpu", "cuda", "warp-cpu"] = Field(default="cpu", description="where simulation and training run")
    devices: tuple[str, ...] = Field(default=(), description="GPUs that share each generation, as cuda:0; () for one")
    workers: int | None = Field(
        default=None,
        ge=1,
        description="trainer processes that share each generation; not given: one here, on Ray one a node or GPU",
    )
    executor: str = Field(default="local", description="who starts them: local, ray or ray:ADDRESS")
    compiled: bool = Field(default=False, description="whether a generation's rewards are merged and compiled")

    def plan(self, purpose: str, warm: bool = False) -> Plan:
        """What decides a training for `purpose` (`search` or `final`), from a parent's policy if `warm`."""
        iterations = self.warm_iterations if warm else self.iterations
        return Plan(self.worlds, iterations, self.learning, self.evaluation, self.seed, purpose, self.compiled)


def first_problem(model: type[BaseModel], error: ValidationError) -> tuple[tuple[str | int, ...], str]:
    """Where the first thing wrong is, and one sentence on it, with the nearest valid key for an unknown one."""
    # A misspelt key is unknown and its right spelling missing: the first of the two says more.
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    location = tuple(part for part in first["loc"] if part != "[key]")
    name = ".".join(map(str, location))
    match first["type"]:
        case "extra_forbidden":
            keys = _keys_at(model, location[:-1])
            return (
                location,
                f"unknown key {name!r}{did_you_mean(str(location[-1]), keys)}; keys here: {', '.join(keys)}",
            )
        case "missing":
            return location[:-1], f"the key {name!r} is missing"
        case _:
            return location, f"{name}: {first['msg'][0].lower()}{first['msg'][1:]}, not {first['input']!r}"


def _keys_at(model: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    """The keys that `model` knows at a place in it."""
    for part in location:
        field = model.model_fields.get(str(part))
        if field is None:  # a key of a dictionary, such as a preset's name
            continue
        annotation: Any = field.annotation
        inner = [a for a in (annotation, *getattr(annotation, "__args__", ())) if isinstance(a, type)]
        model = next((a for a in inner if issubclass(a, BaseModel)), model)
    return list(model.model_fields)
