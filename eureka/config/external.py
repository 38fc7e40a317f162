"""Tasks that a command of the user's trains: their YAML files."""

from __future__ import annotations

import keyword
import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from eureka.config.naming import Name
from eureka.config.settings import Preset, PresetName, _Strict
from eureka.errors import did_you_mean

PLACEHOLDERS = ("reward", "out", "seed", "steps")
"""What `{reward}`, `{out}`, `{seed}` and `{steps}` in the arguments of a command stand for, of each training."""


OURS = ("worlds", "learning", "evaluation", "parameters", "stages", "warm_start", "screen")
"""Keys of a preset that only our own trainer reads."""


_TAKEN = ("torch", "aten", "math", "worlds", "device", "len", "compute_reward")


def _field_name(name: Any) -> Any:
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,63}", str(name)):
        raise ValueError(f"a state field is named by lower-case letters, digits and _, not {name!r}")
    if keyword.iskeyword(name) or name in _TAKEN:
        raise ValueError(f"a state field cannot be named {name!r}, which has a meaning in a reward's module; rename it")
    return name


def _known_placeholders(arguments: Any) -> Any:
    for argument in arguments if isinstance(arguments, list | tuple) else ():
        for name in re.findall(r"\{([a-z_]+)\}", str(argument)):
            if name not in (*PLACEHOLDERS, "python"):
                near = did_you_mean(name, (*PLACEHOLDERS, "python"))
                known = ", ".join(f"{{{known}}}" for known in (*PLACEHOLDERS, "python"))
                raise ValueError(f"no placeholder {{{name}}}{near}; there are {known}")
    return arguments


_Arguments = Annotated[tuple[str, ...], BeforeValidator(_known_placeholders)]


class TrainerCommand(_Strict):
    """The command that trains a policy with a reward."""

    command: _Arguments = Field(
        min_length=1, description="program and arguments; no shell. {reward}, {out}, {seed}, {steps} are filled in"
    )
    describe: _Arguments = Field(
        default=(), description="the same for a command that writes states to {out}/states.jsonl; (): they are drawn"
    )
    folder: str = Field(default=".", description="working folder, relative to the YAML file")
    environment: tuple[str, ...] = Field(
        default=(), description="names of environment variables that the command gets, beside the usual ones"
    )
    timeout: float = Field(
        default=1800.0, gt=0, description="s without a new line in progress.jsonl after which a training has failed"
    )


class ExternalField(_Strict):
    """A state quantity that the command gives to the reward."""

    doc: str = Field(min_length=1, description="meaning and frame")
    shape: tuple[Annotated[int, Field(gt=0)], ...] = Field(default=(), description="without the leading N")
    unit: str = Field(default="", description="such as m/s")
    dtype: Literal["float32", "bool", "int64"] = Field(default="float32", description="of the tensor")


class ExternalAction(_Strict):
    """The action of the policy."""

    size: int = Field(ge=1, description="how many numbers")
    doc: str = Field(min_length=1, description="their meaning")


class ExternalFitness(_Strict):
    """The number that tells success. The command reports it."""

    name: str = Field(min_length=1, description="what it is, such as `distance walked`")
    unit: str = Field(default="", description="such as m")
    better: Literal["higher", "lower"] = Field(default="higher", description="which values are better")
    range: tuple[float | None, float | None] = Field(
        default=(None, None), description="lowest and highest possible value; null: not known"
    )


class ExternalFile(_Strict):
    """Contents of the YAML file of a task with a trainer of its own."""

    name: Name = Field(description="short name, used in file names")
    description: str = Field(min_length=1, description="the goal in one sentence, shown to the designer")
    trainer: TrainerCommand = Field(description="the command that trains a policy")
    scene: str = Field(default="", description="robot and surroundings, shown to the designer")
    state: dict[Annotated[str, BeforeValidator(_field_name)], ExternalField] = Field(
        min_length=1, description="fields by name"
    )
    action: ExternalAction = Field(description="what the policy decides")
    termination: str = Field(
        default="", description="what ends an episode before the horizon, in words; empty: nothing"
    )
    training: str = Field(
        default="", description="algorithm, sizes, how the fitness is measured, in words for the designer"
    )
    horizon: int = Field(ge=1, description="control steps of the longest episode")
    control_period: float = Field(default=0.0, ge=0, description="s between two actions; 0: steps have no time")
    fitness: ExternalFitness = Field(description="the number that tells success")
    human: str | None = Field(default=None, description="file of the hand-written baseline reward; None: there is none")
    sparse: str | None = Field(default=None, description="file of the baseline that uses the fitness as reward")
    presets: dict[PresetName, Preset] = Field(description="run sizes; `steps` is given to the command")

    @field_validator("presets", mode="before")
    @classmethod
    def _sizes_that_matter(cls, presets: Any) -> Any:
        if not isinstance(presets, dict) or not all(isinstance(sizes, dict) for sizes in presets.values()):
            return presets
        for name, sizes in presets.items():
            for key in OURS:
                if key in sizes:
                    raise ValueError(f"{name}: {key} has no effect, since the command trains; remove it")
        # A step of the command is an iteration of ours.
        one = {"worlds": 1, "learning": {"horizon": 1}}
        return {name: sizes | one for name, sizes in presets.items()}
