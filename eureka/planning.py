"""Before a run: its settings out of preset and options, and what it will take."""

from __future__ import annotations

from dataclasses import dataclass

from eureka import prompt
from eureka.config import LoadedTask, Settings
from eureka.display import clock
from eureka.errors import UserError
from eureka.store import find_run, read_json

LONG = 8 * 3600.0
"""s; a run estimated to take longer asks for --yes."""
_EVALUATION_SHARE = 0.25
"""Evaluation may take at most this share of the training world-steps."""


@dataclass(frozen=True)
class Options:
    """What the command line may override of a preset; None keeps it."""

    preset: str | None = None
    llm: str | None = None
    generations: int | None = None
    samples: int | None = None
    worlds: int | None = None
    steps: int | None = None
    seed: int | None = None
    device: str = "auto"


@dataclass(frozen=True)
class Estimate:
    """What a run will take."""

    training_steps: int
    evaluation_steps: int
    rate: float
    """Training world-steps a second, measured on the spot."""
    prompt_tokens: int

    @property
    def seconds(self) -> float:
        """Until the run ends, if every evaluation episode lasts to the horizon."""
        return (self.training_steps + self.evaluation_steps) / self.rate

    def __str__(self) -> str:
        share = self.evaluation_steps / self.training_steps
        return (
            f"{self.training_steps / 1e6:.3g} M training world-steps at {self.rate / 1000:.3g} k/s, evaluation up to "
            f"{share:.0%} of that on top: about {clock(self.seconds)}"
        )


def resolve(task: LoadedTask, options: Options) -> Settings:
    """The settings of a new run: preset, then the recorded run if one is replayed, then options.

    Raises:
        UserError: an option cannot be had.
    """
    if options.device == "cuda":
        raise UserError("--device cuda needs the MuJoCo Warp backend, which this version does not have; use cpu")
    if options.device not in ("auto", "cpu"):
        raise UserError(f"no device {options.device!r}; there are auto, cpu and cuda")
    name = options.preset or "cpu"
    preset = task.file.presets.get(name)  # type: ignore[call-overload]
    if preset is None:
        raise UserError(f"{task.path} has no preset {name!r}; it has {', '.join(task.file.presets)}")
    llm = options.llm or "search"
    if llm.startswith("replay:"):
        recorded = read_json(find_run(llm.removeprefix("replay:")) / "run.json")["settings"]
        base = recorded | (preset.model_dump() | {"preset": name} if options.preset else {})
        llm = f"replay:{find_run(llm.removeprefix('replay:'))}"
    else:
        base = preset.model_dump() | {"preset": name}
    overrides = {
        "generations": options.generations,
        "samples": options.samples,
        "worlds": options.worlds,
        "steps": options.steps,
        "seed": options.seed,
    }
    given = {k: v for k, v in overrides.items() if v is not None}
    for option, value in given.items():
        least = 0 if option == "seed" else 1
        if value < least:
            raise UserError(f"--{'envs' if option == 'worlds' else option} must be at least {least}, not {value}")
    return Settings.model_validate(base | given | {"llm": llm, "device": "cpu"})


def fitted(settings: Settings, horizon: int) -> Settings:
    """The settings with evaluation cut down to its share of the training steps."""
    budget = _EVALUATION_SHARE * settings.steps
    return settings.model_copy(update={"evaluation": settings.evaluation.within(budget, horizon)})


def estimate(settings: Settings, horizon: int, rate: float, messages: prompt.Messages) -> Estimate:
    """What a run with these settings will take."""
    trainings = settings.generations * settings.samples + 3 * settings.final_seeds
    steps = settings.iterations * settings.worlds * settings.learning.horizon
    evaluation = settings.evaluation.steps(horizon)
    tokens = prompt.estimated_tokens(messages)
    return Estimate(trainings * steps, trainings * evaluation, rate, tokens)
