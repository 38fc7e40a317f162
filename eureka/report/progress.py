"""Progress of a run, from the last events of its journal."""

from __future__ import annotations

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
    TrainedEvent,
    TrainingEvent,
    VerdictEvent,
)


@dataclass(frozen=True)
class ProgressView:
    """The current or last activity of a run."""

    words: str
    share: float  # Completed fraction; generations and the final comparison have equal weights


def progress_of(journal: Journal) -> ProgressView:
    """Progress according to the journal."""
    settings, searching = journal.settings, journal.record.kind == "search"
    parts = (settings.generations + bool(settings.validation_seeds)) if searching else 0
    parts += 1 if settings.final_seeds or not searching else 0
    match journal.events[-1] if journal.events else None:
        case None:
            return ProgressView("started, nothing recorded yet", 0.0)
        case FinishedEvent():
            return ProgressView("finished", 1.0)
        case ExtendedEvent():
            added = settings.generations - journal.rounds[-2]
            return ProgressView(f"generations to come: {added}", _share(journal.rounds[-2], 1.0, parts))
        case PromptEvent(generation=generation):
            return ProgressView(f"{_title(settings, generation)}: waiting for replies", _share(generation, 0.0, parts))
        case AnswerEvent(generation=generation) | VerdictEvent(generation=generation):
            return _replies(journal, generation, parts)
        case FinalistsEvent():
            return ProgressView("validation of the finalists", settings.generations / parts)
        case BaselineEvent() | CutEvent():
            return ProgressView("final comparison: compiling rewards", (parts - 1) / parts)
        case ProbedEvent():
            return ProgressView("final comparison: testing robustness and correlation", 0.98)
        case OfTraining(training=key):
            return _training(journal, key, parts)
        case _:
            return ProgressView("started", 0.0)


def _title(settings: Settings, generation: int) -> str:
    return f"generation {generation} of {settings.generations}" if generation else "initial reward"


def _share(generation: int, done: float, parts: int) -> float:
    return max(0.0, min(1.0, (generation - 1 + done) / parts)) if generation else 0.0


def _replies(journal: Journal, generation: int, parts: int) -> ProgressView:
    settings = journal.settings
    answered = {slot for of, slot, _ in journal.replies() if of == generation}
    judged = {slot for of, slot, _ in journal.verdicts() if of == generation}
    words = f"{_title(settings, generation)}: {len(answered)} of {settings.samples if generation else 1} replies"
    return ProgressView(f"{words}, {len(judged)} checked in the sandbox", _share(generation, 0.05, parts))


def _training(journal: Journal, key: str, parts: int) -> ProgressView:
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
        return ProgressView(f"final comparison: {words}", (parts - 1 + done * 0.95) / parts)
    if layout.is_validation(key):
        return ProgressView(f"validation: {words}", (journal.settings.generations + done) / parts)
    generation = begun.members[0][0]
    return ProgressView(f"{_title(journal.settings, generation)}: {words}", _share(generation, 0.1 + 0.9 * done, parts))
