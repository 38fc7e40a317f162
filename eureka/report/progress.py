"""Progress of a run, from the last events of its journal."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

from eureka.config.settings import Settings
from eureka.runs import layout
from eureka.runs.candidate import Failed
from eureka.runs.journal import (
    AnswerEvent,
    BaselineEvent,
    CheckpointEvent,
    CutEvent,
    ExtendedEvent,
    FinalistsEvent,
    FinishedEvent,
    Journal,
    OfTraining,
    ProbedEvent,
    PromptEvent,
    RacedEvent,
    SharesEvent,
    ShortenedEvent,
    TrainedEvent,
    TrainingEvent,
    VerdictEvent,
)
from eureka.runs.results import EVOLVED

_GROWTH = 0.75  # Exponent of a training's time in the number of policies, between those of small and of large tasks
_MOST = 10_000  # generations that a progress counts; a record may claim any number
_MEASURABLE = 0.03  # Least fraction of the work from which a pace is extrapolated


@dataclass(frozen=True)
class ProgressView:
    """The current or last activity of a run."""

    words: str
    share: float  # Completed fraction of the work
    end: float | None = None  # Estimated time of the end in s since 1970, at the pace since the run was last resumed


def progress_of(journal: Journal) -> ProgressView:
    """Progress according to the journal."""
    words, share = _standing(journal)
    return ProgressView(words, share, _end(journal, share))


def _end(journal: Journal, share: float) -> float | None:
    """None for a run that is finished, or whose process has not done enough to measure its pace.

    The pace is measured from the first checkpoint, without the start of the processes.
    """
    try:
        begun = (journal.folder / layout.ORCHESTRATOR_LOCK).stat().st_mtime  # written by the process as it begins
    except OSError:
        return None
    started = next((e.time for e in journal.events if e.time >= begun and isinstance(e, CheckpointEvent)), math.inf)
    before = copy.copy(journal)
    before.events = [event for event in journal.events if event.time <= started]
    done = share - _standing(before)[1]
    if done < _MEASURABLE or share >= 1.0:
        return None
    last = journal.events[-1].time
    return last + (last - started) * (1.0 - share) / done


def _standing(journal: Journal) -> tuple[str, float]:
    """The activity in words, and the completed fraction."""
    settings, parts = journal.settings, _parts(journal)
    final = len(parts) - 1
    match journal.events[-1] if journal.events else None:
        case None:
            return "started, nothing recorded yet", 0.0
        case FinishedEvent():
            return "finished", 1.0
        case ExtendedEvent():
            done = journal.rounds[-2]
            return f"generations to come: {settings.generations - done}", _share(parts, done, 0.0)
        case PromptEvent(generation=generation, attempt=attempt):
            doing = "asking the designer for repairs" if attempt else "asking the designer"
            return f"{_title(settings, generation)}: {doing}", _share(parts, generation - 1, 0.0)
        case AnswerEvent(generation=generation) | VerdictEvent(generation=generation):
            return _replies(journal, generation), _share(parts, generation - 1, 0.05)
        case FinalistsEvent():
            return "validation of the finalists", _share(parts, settings.generations, 0.0)
        case ShortenedEvent():
            return "the search ends early, for lack of time", _share(parts, settings.generations, 0.0)
        case BaselineEvent() | CutEvent():
            return "final comparison: compiling rewards", _share(parts, final, 0.0)
        case ProbedEvent():
            return "final comparison: testing robustness and correlation", _share(parts, final, 0.98)
        case OfTraining(training=key):
            return _training(journal, key, parts)
        case _:
            return "started", 0.0


def _parts(journal: Journal) -> list[float]:
    """Time of each generation, the validation and the final comparison, in arbitrary units; at least one."""
    settings, searching = journal.settings, journal.record.kind == "search"
    arms = {event.arm for event in journal.all(BaselineEvent)} | ({EVOLVED} if searching else set())
    final = 1 if journal.earlier else max(len(arms), 3)  # an extension retrains only its winner
    trainings = [settings.samples * settings.seeds] * min(settings.generations, _MOST) if searching else []
    trainings += [settings.finalists * settings.validation_seeds] if searching and settings.validation_seeds else []
    trainings += [settings.final_seeds * final] if settings.final_seeds or not trainings else []
    return [count**_GROWTH for count in trainings]


def _share(parts: list[float], part: int, done: float) -> float:
    """Fraction of the time before a part and in the completed fraction of it; 0 for the initial reward."""
    passed = sum(parts[:part]) + done * parts[min(part, len(parts) - 1)] if part >= 0 else 0.0
    return min(1.0, passed / (sum(parts) or 1.0))


def _title(settings: Settings, generation: int) -> str:
    return f"generation {generation} of {settings.generations}" if generation else "initial reward"


def _replies(journal: Journal, generation: int) -> str:
    title, wanted = _title(journal.settings, generation), journal.settings.samples if generation else 1
    latest = {slot: (of, slot, attempt) for of, slot, attempt in sorted(journal.replies()) if of == generation}
    judged = len(journal.verdicts().keys() & latest.values())
    if len(latest) < wanted:
        return f"{title}: asking the designer, {len(latest)} of {wanted} replies"
    return f"{title}: compiling, {judged} of {wanted} rewards checked in the sandbox"


def _training(journal: Journal, key: str, parts: list[float]) -> tuple[str, float]:
    points = journal.settings.evaluation.checkpoints
    checkpoints, trained = journal.all(CheckpointEvent, training=key), journal.all(TrainedEvent, training=key)
    passed = max((event.number + 1 for event in checkpoints), default=0)
    ended = {member for event in journal.all(RacedEvent, training=key) for member in event.dropped}
    for event in trained:
        pairs = zip(event.members, event.outcomes, strict=True)
        ended |= {member for member, outcome in pairs if event.until is None or isinstance(outcome, Failed)}
    begun = journal.find(TrainingEvent, training=key)  # of the final comparison, there is none
    shares = [share for event in journal.all(SharesEvent, training=key) for share in event.shares]
    size = len(begun.members) if begun else len({m for share in shares for m in share})
    left = size - len(ended)
    over = size > 0 and left <= 0
    done = 1.0 if over else min(0.98, passed / points)
    of_all = f" of {size}" if 0 < left < size else ""
    words = "trained" if over else f"training {left}{of_all} polic{'ies' if size != 1 else 'y'}"
    words = f"{words}, checkpoint {min(passed, points)} of {points}"
    if begun is None:
        return f"final comparison: {words}", _share(parts, len(parts) - 1, done * 0.95)
    if layout.is_validation(key):
        return f"validation: {words}", _share(parts, journal.settings.generations, done)
    generation = begun.members[0][0]
    return f"{_title(journal.settings, generation)}: {words}", _share(parts, generation - 1, 0.1 + 0.9 * done)
