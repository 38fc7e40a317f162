"""Messages between the orchestrator and a trainer process.

A message travels as a frame: a JSON object with its fields and, as `kind`, the name of its class. A trainer process
is first told to `Load` its task, then answers one command at a time:

    Load        Described
    Preflight   Preflighted
    PlayEpisodes  PlayedEpisodes
    Measure     Measured
    Probe       Probed
    Play        Played
    Train       Progress, Note and Checkpoint, any number of times; then Outcomes
    any         TaskError, StorageError or, to Load, Unfenced, after which the process ends

Frames are validated when they are decoded: a trainer process runs task code.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eureka.config.description import Description
from eureka.config.parameters import Curriculum
from eureka.config.settings import Plan
from eureka.runs.candidate import Dropped, Failed, Point, Trained
from eureka.runs.events import TrainingProgress
from eureka.text import shown


class InvalidMessage(ValueError):
    """A frame that is not a message of this protocol."""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def replace_files(self, path_of: Callable[[FileReference], str]) -> Self:
        """A copy with the path `path_of(reference)` in each file reference."""

        def replaced(value: Any) -> Any:
            if isinstance(value, FileReference):
                return value.model_copy(update={"file": path_of(value)})
            return tuple(map(replaced, value)) if isinstance(value, tuple) else value

        return self.model_copy(update={name: replaced(value) for name, value in self})


class FileReference(_Message):
    """A file that a message names; its path is valid on the machine of the sender."""

    file: str


class HashedFile(FileReference):
    """A file that the trainer process wrote."""

    sha256: str


class CheckpointMember(FileReference):
    """A member of the population in a checkpoint file."""

    member: int


class InitialPolicyFile(FileReference):
    """A policy that initialises all members."""

    samples: int = Field(description="weight of its observation normaliser, in observations")


class Load(_Message):
    """Load the task with these parameters."""

    curriculum: Curriculum


class Preflight(_Message):
    """Run a program on recorded states."""

    program: str
    worlds: int = Field(description="worlds of each member in training")


class Measure(_Message):
    """Time one iteration of training with a constant reward, and some steps of evaluation."""

    members: int
    plan: Plan


class Probe(_Message):
    """Test trained policies under perturbed physics, and correlate their rewards with another one."""

    policies: tuple[FileReference, ...]
    programs: tuple[str, ...] = Field(description="the reward of each policy")
    human: str | None = Field(description="the reward to correlate with; None for no correlation")
    robustness: bool
    plan: Plan


class PlayEpisodes(_Message):
    """Play one episode in each world, on the CPU, with uniformly random actions or a policy."""

    episodes: int
    seed: int
    policy: FileReference | None = Field(default=None, description="None for random actions")
    programs: tuple[str, ...] = Field(default=(), description="rewards that watch")


class Play(_Message):
    """Play policies and write their trajectory to a file."""

    policies: tuple[FileReference | None, ...] = Field(description="None for random actions")
    labels: tuple[str, ...]
    programs: tuple[str | None, ...] = Field(description="the reward of each policy; None if not known")
    seed: int
    steps: int = Field(description="control steps; with `episodes`, the maximum")
    episodes: int | None = Field(description="episodes of each policy after which to stop")
    output: str


class Train(_Message):
    """Train a population."""

    programs: tuple[str, ...]
    seeds: tuple[int, ...]
    plan: Plan
    folder: str = Field(description="where checkpoints and policies are written")
    resume: tuple[CheckpointMember, ...] | None = Field(description="one per member; None to start at iteration 0")
    warm: InitialPolicyFile | None
    until: int | None = Field(description="the iteration to stop after; None for the end")
    stage_ends: tuple[int, ...] = Field(default=(), description="iterations at which stages of the training end")
    threads: int | None = Field(default=None, description="CPU threads; None for those of the process")


class Described(_Message):
    """The task was loaded."""

    description: Description
    fence: str = Field(description="isolation of the process; empty if none, `!` and a reason if it failed")
    sizes: dict[str, int] | None = Field(description="of MuJoCo Warp's buffers; None on the CPU")
    world: int = Field(default=0, description="bytes of one world")
    available: int = Field(default=sys.maxsize, description="bytes that are available on the device of the worlds")


class PreflightReport(_Message):
    """What a program computed on recorded states."""

    fingerprint: str
    inputs: tuple[str, ...]
    nodes: int
    ranges: dict[str, tuple[float, float, float]] = Field(
        description="minimum, mean and maximum of the total and of each component"
    )
    notes: tuple[str, ...] = Field(description="warnings for the author")


class Preflighted(_Message):
    """The result of `Preflight`."""

    result: PreflightReport | Failed


class Measured(_Message):
    """The result of `Measure`."""

    seconds: float
    steps: int = Field(description="training world-steps in this time")
    evaluation: float = Field(description="seconds of a world-step of evaluation")


class PlayedEpisodes(_Message):
    """The result of `PlayEpisodes`: one value for each episode."""

    fitness: tuple[float, ...]
    length: tuple[int, ...] = Field(description="control steps")
    metrics: dict[str, tuple[float, ...]]
    returns: tuple[tuple[float, ...], ...] = Field(default=(), description="of each program, what the episodes earned")
    correlations: tuple[float | None, ...] = Field(
        default=(), description="of the first program's rewards of a step with those of each; None: one does not vary"
    )


class Probed(_Message):
    """The result of `Probe`."""

    robustness: dict[str, list[float]] = Field(description="fitness of each policy by perturbation")
    correlation: list[float | None] | None = Field(description="of each policy; None for a constant reward")


class Played(_Message):
    """The result of `Play`."""

    steps: int
    first: tuple[float | None, ...] = Field(description="fitness of each policy's first episode, if it ended")


class Progress(_Message):
    """Progress of a training."""

    progress: TrainingProgress


class Note(_Message):
    """A message for the user."""

    text: str


class Checkpoint(_Message):
    """A checkpoint was written."""

    number: int
    saved: HashedFile
    points: tuple[Point, ...] = Field(description="the newest point of each member's curves")


class Outcomes(_Message):
    """A training ended, or reached the iteration to stop after."""

    outcomes: tuple[Trained | Dropped | Failed, ...]
    policies: tuple[HashedFile, ...] = Field(description="one per member; none at a rung")
    clocks: dict[str, float] = Field(description="seconds by part of the work")
    sizes: dict[str, int] | None = Field(description="of MuJoCo Warp's buffers; None on the CPU")


class TaskError(_Message):
    """The task's code, or its use, is wrong."""

    message: str


class Unfenced(_Message):
    """The process could not be isolated, and has run no code of the task."""

    reason: str


class StorageError(_Message):
    """A file could not be written."""

    message: str


Command = Load | Preflight | PlayEpisodes | Measure | Probe | Play | Train
TrainAnswer = Progress | Note | Checkpoint | Outcomes
_Failed = TaskError | StorageError | Unfenced
Answer = Described | Preflighted | PlayedEpisodes | Measured | Probed | Played | TrainAnswer | _Failed


def encode(message: Command | Answer) -> dict[str, Any]:
    """A message as a frame."""
    return {"kind": type(message).__name__, **message.model_dump()}


def decode_command(frame: Any) -> Command:
    """The command in a frame; raises `InvalidMessage`."""
    return _decode(get_args(Command), frame)


def decode_answer(frame: Any) -> Answer:
    """The answer in a frame; raises `InvalidMessage`."""
    return _decode(get_args(Answer), frame)


def _decode(kinds: Sequence[Any], frame: Any) -> Any:
    kind = frame.get("kind") if isinstance(frame, dict) else None
    found = next((cls for cls in kinds if cls.__name__ == kind), None)
    if found is None:
        raise InvalidMessage(shown(f"unknown kind {kind!r}"))
    try:
        return found.model_validate({name: value for name, value in frame.items() if name != "kind"})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise InvalidMessage(shown(f"{'.'.join(map(str, (kind, *first['loc'])))}: {first['msg']}")) from None
