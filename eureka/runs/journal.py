"""The journal of a run: a JSON object per line of `events.jsonl`, with a model for each kind (docs/run-folder.md)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from eureka.config.description import MetricDescription, Parameter
from eureka.config.settings import Evaluation, Settings
from eureka.errors import UserError
from eureka.runs import layout
from eureka.runs.candidate import Dropped, Estimate, Failed, Point, Trained
from eureka.runs.replies import Address, Answer, Message, Reply
from eureka.runs.results import ArmSpec, CompareOptions, Comparison
from eureka.text import shown

VERSION = 1  # of the journal and of `run.json`; another version is refused

_Seconds = Annotated[float, Field(ge=0, le=32_503_680_000.0)]  # until the year 3000


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RunRecord(_Strict):
    """`run.json`: written once, when the folder is made."""

    kind: Literal["search", "comparison"] = Field(description="a comparison trains given rewards only")
    journal_version: int = VERSION
    task: str = Field(description="the task's name")
    task_file: str = Field(description="name of a shipped task, path of a YAML file, or `gymnasium:ID`")
    sources: dict[str, str] = Field(description="SHA-256 of the task's files")
    settings: Settings = Field(description="as they were given")
    versions: dict[str, str] = Field(description="of eureka, Python and packages")


class _Event(_Strict):
    event: Any  # a literal in each kind; declared here so that it comes first in a line
    time: _Seconds = Field(default_factory=lambda: round(time.time(), 3), description="s since 1970")


class _OfReply(_Event):
    generation: int
    attempt: int


class OfTraining(_Event):
    """An event of the training of a population."""

    training: str = Field(description="its key")


class StartedEvent(_Event):
    """The run has its trainers and a sandbox."""

    event: Literal["started"] = "started"
    evaluation: Evaluation = Field(description="as fitted to the budget")
    sandbox: dict[str, Any] = Field(description="the sandbox level")
    fence: str = Field(description="the trainer's isolation; empty for --open-trainer")
    sizes: dict[str, int] | None = Field(description="of MuJoCo Warp's buffers; None on the CPU")
    parameters: tuple[Parameter, ...] = Field(default=(), description="of the task, all of them, with their values")
    metrics: tuple[MetricDescription, ...] = Field(default=(), description="of the task")
    fitness_unit: str = Field(default="", description="of the task; empty: not stated")
    fitness_range: tuple[float | None, float | None] = Field(
        default=(None, None),
        exclude_if=lambda bounds: bounds == (None, None),
        description="lowest and highest fitness of an episode; None: not known",
    )
    preset_steps: int | None = Field(default=None, description="training world-steps of the preset, if others are used")


class PromptEvent(_OfReply):
    """A prompt, before it is sent."""

    event: Literal["prompt"] = "prompt"
    sha256: str
    messages: tuple[Message, ...]
    parents: tuple[str, ...] = Field(description="names of the candidates that it reflects on")


class AnswerEvent(_OfReply):
    """A designer's answer to one call, before it is used."""

    event: Literal["answer"] = "answer"
    prompt: str | None = Field(description="SHA-256 of the prompt; None for the reward of --start")
    answer: Answer


class VerdictEvent(_OfReply):
    """The result of extraction, sandbox and pre-flight for one reply."""

    event: Literal["verdict"] = "verdict"
    slot: int
    code: str | None
    notes: tuple[str, ...]
    failed: Failed | None
    program: str | None
    fingerprint: str | None


class RemarkEvent(_Event):
    """What a person said of a candidate's policy, before it enters prompts."""

    event: Literal["remark"] = "remark"
    file: str = Field(description="its name in remarks/")
    generation: int = Field(description="whose prompts are the first with it")
    candidate: str
    text: str


class TrainingEvent(OfTraining):
    """A population of the search or of the validation begins to train."""

    event: Literal["training"] = "training"
    members: list[Address] = Field(description="the candidate of each member; all candidates once, then once more, ...")
    trainings: int = Field(default=1, description="of each candidate, on different seeds")
    warm: str | None = Field(default=None, description="name of the candidate whose policy initialises all members")


class SharesEvent(OfTraining):
    """How members are split over workers, until an iteration or to the end."""

    event: Literal["shares"] = "shares"
    until: int | None
    shares: list[list[int]]


class CheckpointEvent(OfTraining):
    """A checkpoint is in scratch."""

    event: Literal["checkpoint"] = "checkpoint"
    members: list[int]
    number: int
    file: str
    sha256: str
    points: dict[str, Point] = Field(description="by each member's folder in the run")


class SplitEvent(OfTraining):
    """Members continue in two halves, since their process died again and again."""

    event: Literal["split"] = "split"
    members: list[int]
    until: int | None
    reason: str


class RacedEvent(OfTraining):
    """A rung of successive halving."""

    event: Literal["raced"] = "raced"
    until: int
    dropped: list[int]


class StageEvent(OfTraining):
    """Whether the condition of a stage was met at a checkpoint."""

    event: Literal["stage"] = "stage"
    stage: int = Field(description="its number, from 0")
    iteration: int
    met: bool


class PublishedFile(_Strict):
    """A finished file that leaves scratch."""

    file: str = Field(description="where it is now")
    sha256: str


class TrainedEvent(OfTraining):
    """What became of members, at the end or at a rung."""

    event: Literal["trained"] = "trained"
    members: list[int]
    until: int | None
    outcomes: list[Trained | Dropped | Failed]
    seconds: dict[str, _Seconds] = Field(default={}, description="by part of the work")
    sizes: dict[str, int] | None = Field(default=None, description="of MuJoCo Warp's buffers at the end")
    publish: dict[str, PublishedFile] = Field(default={}, description="policies by their place in the run")

    def by_folder(self) -> Iterator[tuple[str, Trained]]:
        """The members that trained to the end, by their folder in the run."""
        trained = [outcome for outcome in self.outcomes if isinstance(outcome, Trained)]
        for place, outcome in zip(self.publish, trained, strict=False):
            yield place.rpartition("/")[0], outcome


class FinalistsEvent(_Event):
    """The candidates that are trained again before one of them is the winner."""

    event: Literal["finalists"] = "finalists"
    round: int = Field(default=1, exclude_if=lambda round: round == 1, description="of the search; extensions add one")
    estimates: dict[str, Estimate] = Field(description="of all candidates at this time, by name, the best first")
    chosen: list[str] = Field(description="names of the finalists")


class ShortenedEvent(_Event):
    """A search ends after fewer generations, for lack of time."""

    event: Literal["shortened"] = "shortened"
    round: int = Field(description="of the search; extensions add one")
    generations: int = Field(ge=1, description="that were done, with those of all rounds before")
    wanted: int = Field(ge=1, description="that were to be done")
    hours: float = Field(description="the limit of the command that decided it")


class BaselineEvent(_Event):
    """A reward of the final comparison was compiled."""

    event: Literal["baseline"] = "baseline"
    arm: str
    program: str


class ArmsEvent(CompareOptions, _Event):
    """What a comparison compares; the first event of its journal."""

    event: Literal["arms"] = "arms"
    arms: tuple[ArmSpec, ...]


class CutEvent(_Event):
    """How many members train together in the final comparison."""

    event: Literal["cut"] = "cut"
    members: int


class ProbedEvent(_Event):
    """Results of the robustness and correlation tests for a part of the final comparison."""

    event: Literal["probed"] = "probed"
    part: int
    robustness: dict[str, list[float]]
    correlation: list[float | None] | None


class FinishedEvent(_Event):
    """The end."""

    event: Literal["finished"] = "finished"
    winner: str | None
    comparison: Comparison


class ExtendedEvent(_Event):
    """Generations are added to a finished search: its next round begins."""

    event: Literal["extended"] = "extended"
    generations: int = Field(ge=1, description="of the search, with those of all rounds before")


_OfReplies = PromptEvent | AnswerEvent | VerdictEvent
_OfTrainings = TrainingEvent | SharesEvent | CheckpointEvent | SplitEvent | RacedEvent | StageEvent | TrainedEvent
_OfComparison = ArmsEvent | BaselineEvent | CutEvent | ProbedEvent
_OfSearch = RemarkEvent | FinalistsEvent | ShortenedEvent | ExtendedEvent
JournalEvent = StartedEvent | _OfReplies | _OfTrainings | _OfSearch | _OfComparison | FinishedEvent
_ANY = TypeAdapter(Annotated[JournalEvent, Field(discriminator="event")])
_Kind = TypeVar("_Kind", bound=_Event)
_Stamp = tuple[int, int, int]


class Journal:
    """The record and the events of a run; events that were appended since are read by `refresh`."""

    def __init__(self, folder: Path):
        self.folder, self.path = folder, folder / layout.JOURNAL
        self.record = read_record(folder)
        self.events: list[JournalEvent] = []
        self._end = 0  # bytes of the whole lines that were read
        self._stamp: _Stamp | None = None

    def refresh(self) -> bool:
        """Read the new lines; whether there are any, or the file was replaced. Raises `UserError` if one is damaged."""
        _refuse_link(self.path)
        try:
            stamp = stamp_of(self.path)
            if stamp == self._stamp:
                return False
            replaced = not stamp or not self._stamp or stamp[0] != self._stamp[0] or stamp[1] < self._end
            if replaced:
                self.record, self.events, self._end = read_record(self.folder), [], 0
            lines = self._new_lines() if stamp else []
        except OSError as error:
            raise UserError(f"{self.path} cannot be read: {error.strerror}") from None
        first = len(self.events) + 1
        self.events += [self._parse(line, first + i) for i, line in enumerate(lines)]
        self._stamp = stamp
        return bool(lines) or replaced

    def _new_lines(self) -> list[bytes]:
        if not self.path.is_file():
            raise UserError(f"{self.path} is not a file")
        with open(self.path, "rb") as file:
            file.seek(self._end)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        self._end += whole
        return data[:whole].split(b"\n")[:-1]

    def _parse(self, line: bytes, number: int) -> JournalEvent:
        try:
            return _ANY.validate_python(json.loads(line))
        except (ValueError, RecursionError) as error:
            what = f"damaged ({_problem(error)}); the journal was changed by something else"
            raise UserError(f"{self.path}, line {number}: {what}") from None

    def find(self, kind: type[_Kind], **wanted: Any) -> _Kind | None:
        """The latest event of a kind with these values."""
        return next((e for e in reversed(self.events) if isinstance(e, kind) and _has(e, wanted)), None)

    def all(self, kind: type[_Kind], **wanted: Any) -> list[_Kind]:
        """All events of a kind with these values, in their order."""
        return [e for e in self.events if isinstance(e, kind) and _has(e, wanted)]

    @property
    def settings(self) -> Settings:
        """The settings in effect: as asked for, with the evaluation as fitted to the budget at the start."""
        return self._in_effect(self.record.settings)

    def _in_effect(self, settings: Settings) -> Settings:
        started = self.find(StartedEvent)
        fitted = {"evaluation": started.evaluation} if started else {}
        return settings.model_copy(update={"generations": self.rounds[-1]} | fitted)

    @property
    def asked(self) -> Settings:
        """The settings as asked for: those of the record, with the generations that were added."""
        return self.record.settings.model_copy(update={"generations": self.rounds[-1]})

    @property
    def rounds(self) -> tuple[int, ...]:
        """The number of generations at the end of each round: of the search as it was started, and of extensions."""
        wanted = (self.record.settings.generations, *(event.generations for event in self.all(ExtendedEvent)))
        done = {event.round: event.generations for event in self.all(ShortenedEvent)}
        return tuple(done.get(round, generations) for round, generations in enumerate(wanted, 1))

    @property
    def earlier(self) -> list[tuple[int, FinishedEvent]]:
        """The ends of the rounds before the latest one, each with its number of generations."""
        return list(zip(self.rounds[:-1], self.all(FinishedEvent), strict=False))

    @property
    def fitness_unit(self) -> str:
        """Unit of the fitness, such as `m/s`; empty if the task does not state one."""
        started = self.find(StartedEvent)
        return started.fitness_unit if started else ""

    @property
    def fitness_ceiling(self) -> float | None:
        """The highest fitness of an episode; None if the task does not state one."""
        started = self.find(StartedEvent)
        return started.fitness_range[1] if started else None

    @property
    def finished(self) -> FinishedEvent | None:
        """The end; None while the run, or its latest extension, is not finished."""
        last = next((e for e in reversed(self.events) if isinstance(e, FinishedEvent | ExtendedEvent)), None)
        return last if isinstance(last, FinishedEvent) else None

    @property
    def trained_in_the_end(self) -> bool:
        """Whether any training of the final comparison reached its end."""
        return self.finished is not None and any(arm.mean is not None for arm in self.finished.comparison.arms)

    @property
    def arms(self) -> ArmsEvent | None:
        """What a comparison compares; None for a search."""
        found = self.find(ArmsEvent) if self.record.kind == "comparison" else None
        if found is None and self.record.kind == "comparison":
            raise UserError(f"{self.path} is damaged: it does not say what is compared")
        return found

    def answers(self) -> list[Answer]:
        return [event.answer for event in self.all(AnswerEvent)]

    def replies(self) -> dict[Address, tuple[Reply, AnswerEvent]]:
        """Each reply with the event that holds it, by address; the first counts."""
        found: dict[Address, tuple[Reply, AnswerEvent]] = {}
        for event in self.all(AnswerEvent):
            for reply in event.answer.replies:
                found.setdefault((event.generation, reply.slot, event.attempt), (reply, event))
        return found

    def verdicts(self) -> dict[Address, VerdictEvent]:
        """What became of replies before training, by address."""
        return {(e.generation, e.slot, e.attempt): e for e in self.all(VerdictEvent)}


def read_journal(folder: Path) -> Journal:
    """The journal of a run as it is now; raises `UserError` if it cannot be read or is of another version."""
    journal = Journal(folder)
    journal.refresh()
    return journal


def read_record(folder: Path) -> RunRecord:
    """The contents of a run's `run.json`; raises `UserError` if it cannot be read or is of another version."""
    path = folder / layout.RECORD
    _refuse_link(path)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        version = data.get("journal_version") if isinstance(data, dict) else VERSION
        if version != VERSION:
            written = "without a journal version" if version is None else f"in journal version {shown(str(version))}"
            advice = "open it with the eureka that wrote it"
            raise UserError(f"{folder} was written {written}; this eureka reads version {VERSION}; {advice}")
        return RunRecord.model_validate(data)
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read: {_problem(error)}") from None


def stamp_of(path: Path) -> _Stamp | None:
    """Inode, bytes and time of the last write in ns, which change with the file; None without a file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _refuse_link(path: Path) -> None:
    if path.is_symlink():
        raise UserError(f"{path} is a link, so it is not read: it may lead anywhere")


def _has(event: _Event, wanted: Mapping[str, Any]) -> bool:
    return all(getattr(event, name) == value for name, value in wanted.items())


def _problem(error: Exception) -> str:
    """What is wrong, without values of the file."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return shown(f"{'.'.join(map(str, first['loc'])) or 'line'}: {first['msg']}")[:200]
    return shown(str(error))[:200]
