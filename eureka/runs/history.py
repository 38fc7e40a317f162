"""Candidates and training curves, rebuilt from the journal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eureka.errors import UserError, did_you_mean
from eureka.runs import layout
from eureka.runs.candidate import Candidate, Curves, Failed, Outcome, Point, Trained
from eureka.runs.estimates import combined, with_estimates
from eureka.runs.journal import (
    BaselineEvent,
    CheckpointEvent,
    Journal,
    PromptEvent,
    RacedEvent,
    RemarkEvent,
    SharesEvent,
    TrainedEvent,
    TrainingEvent,
)

_OF_EACH = ("components", "least", "greatest", "sizes", "metrics")  # fields with a value for each component or metric
_OF_EPISODES = ("sums", "correlations")
_MAY_LACK = ("training_fitness", "episode_length")  # values may be unknown; elsewhere null stands for no number


def candidates_of(journal: Journal) -> dict[str, Candidate]:
    """Every candidate of a journal by name, in the state that its last attempt reached."""
    latest = {(g, slot): (attempt, reply, e) for (g, slot, attempt), (reply, e) in sorted(journal.replies().items())}
    parents = {event.sha256: tuple(event.parents) for event in journal.all(PromptEvent)}
    verdicts, trainings, warm = journal.verdicts(), trainings_of(journal), _warm(journal)
    first: dict[str, str] = {}
    found, said = [], said_of(journal.all(RemarkEvent))
    for (generation, slot), (attempt, reply, answer) in sorted(latest.items()):
        verdict = verdicts.get((generation, slot, attempt))
        mark = verdict.fingerprint if verdict else None
        name = f"{generation}.{slot}"
        original = first.setdefault(mark, name) if mark else name
        own = trainings.get(original, Trainings()) if mark else Trainings()
        outcome, scores = combined(own.search, own.validation)
        candidate = Candidate(
            generation=generation,
            slot=slot,
            attempt=attempt,
            reply=reply.text,
            code=verdict.code if verdict else None,
            notes=verdict.notes if verdict else (),
            parents=parents.get(answer.prompt or "", ()),
            remarks=said.get(name, ()),
            fingerprint=mark,
            duplicate_of=original if original != name else None,
            warm=warm.get(original) if mark else None,
            outcome=(verdict.failed if verdict else None) or outcome,
            scores=scores,
            validated=sum(isinstance(o, Trained) for o in own.validation) if scores else 0,
        )
        found.append(candidate)
    return {candidate.name: candidate for candidate in with_estimates(found, journal.settings.choose_by)}


def said_of(events: Iterable[RemarkEvent]) -> dict[str, tuple[str, ...]]:
    """Texts of remarks by the candidate's name."""
    found: dict[str, tuple[str, ...]] = {}
    for event in events:
        found[event.candidate] = (*found.get(event.candidate, ()), event.text)
    return found


def _warm(journal: Journal) -> dict[str, str]:
    """The candidates that began from another's policy, with whose."""
    return {f"{g}.{slot}": e.warm for e in journal.all(TrainingEvent) if e.warm for g, slot, _ in e.members}


@dataclass(frozen=True)
class Trainings:
    """Outcomes of a candidate's trainings, in the order of their seeds; None for one that is not over or not begun."""

    search: tuple[Outcome | None, ...] = ()
    validation: tuple[Outcome | None, ...] = ()


def trainings_of(journal: Journal) -> dict[str, Trainings]:
    """What trainings gave, by candidate's name; all outcomes of a candidate in training are None unless one failed."""
    begun = {event.training: event for event in journal.all(TrainingEvent)}
    standings: dict[tuple[str, int], Outcome] = {}
    ended: dict[tuple[str, int], Outcome] = {}
    for event in journal.events:
        match event:
            case TrainedEvent(training=key) if key in begun:
                _ = [begun[key].members[m] for m in event.members]  # a member that is not there is damage
                found = {(key, m): o for m, o in zip(event.members, event.outcomes, strict=True)}
                standings |= found
                # A member at a rung continues, unless it has failed or is dropped there.
                ended |= {at: o for at, o in found.items() if event.until is None or isinstance(o, Failed)}
            case RacedEvent(training=key) if key in begun:
                ended |= {(key, m): standings[key, m] for m in event.dropped}
    trainings: dict[str, Trainings] = {}
    for key, event in begun.items():
        count = len(event.members) // event.trainings
        for c, (generation, slot, _) in enumerate(event.members[:count]):
            outcomes = tuple(ended.get((key, t * count + c)) for t in range(event.trainings))
            part = "validation" if layout.is_validation(key) else "search"
            name = f"{generation}.{slot}"
            trainings[name] = replace(trainings.get(name, Trainings()), **{part: outcomes})
    return trainings


def by_a_command(journal: Journal) -> bool:
    """Whether the task's own command trains, as far as something was trained."""
    return any(place.endswith(f"/{layout.OUTPUT}") for e in journal.all(TrainedEvent) for place in e.publish)


def find_candidate(journal: Journal, candidates: Mapping[str, Candidate], name: str | None) -> Candidate:
    """A candidate by name; without one, the winner or the best so far. Raises `UserError` if there is none."""
    name = name or (journal.finished.winner if journal.finished else None)
    if name is None:
        best = best_of(candidates.values())
        if best is None:
            raise UserError(f"{journal.folder} has no trained candidate yet; name one with --candidate")
        return best
    if name not in candidates:
        raise UserError(
            f"no candidate {name!r}{did_you_mean(name, candidates)}; there are {', '.join(candidates) or 'none'}"
        )
    return candidates[name]


def best_of(candidates: Iterable[Candidate]) -> Candidate | None:
    """The best that a search has found so far."""
    trained = [c for c in candidates if c.estimate and not c.duplicate_of and c.generation]
    return max(trained, key=lambda c: c.rank, default=None)


def seconds_per_training(journal: Journal) -> float | None:
    """Time of one training of the final comparison, in s, with the others at its side; None without any."""
    members = seconds = 0.0
    for event in journal.all(TrainedEvent):
        if layout.is_final(event.training) and event.until is None and event.training != layout.REUSED:
            at_once = max((len(e.shares) for e in journal.all(SharesEvent, training=event.training)), default=1)
            members += len(event.members)
            seconds += sum(event.seconds.values()) / at_once
    return seconds / members if members else None


def retrained(journal: Journal) -> dict[tuple[str, str, int], tuple[str, Trained]]:
    """Finished trainings of all final comparisons: folder and outcome by the reward's key, its program and the seed."""
    programs: dict[str, str] = {}
    found: dict[tuple[str, str, int], tuple[str, Trained]] = {}
    for event in journal.events:
        match event:
            case BaselineEvent(arm=arm, program=program):
                programs[arm] = program
            case TrainedEvent(training=key) if layout.is_final(key):
                for folder, outcome in event.by_folder():
                    arm, seed = layout.final_of(folder) or ("", 0)
                    found[arm, programs.get(arm, ""), seed] = folder, outcome
    return found


def finals_of(journal: Journal) -> dict[tuple[str, int], str]:
    """Folders of the trainings of the latest final comparison, by the reward's key and the seed."""
    latest = {event.arm: event.program for event in journal.all(BaselineEvent)}
    found = retrained(journal).items()
    return {(arm, seed): folder for (arm, program, seed), (folder, _) in found if latest.get(arm) == program}


def curves_so_far(journal: Journal) -> dict[str, Curves]:
    """Curves by place (`candidates/1.0`, `final/human-0`); a point that was made again after a crash counts once."""
    points: dict[str, dict[int, Point]] = {}
    for event in journal.all(CheckpointEvent):
        for place, point in event.points.items():
            points.setdefault(place, {})[point.steps] = point
    return {place: _curves([found[steps] for steps in sorted(found)]) for place, found in points.items()}


def _curves(points: Sequence[Point]) -> Curves:
    record: dict[str, Any] = {}
    for name in Curves.model_fields:
        values = [getattr(point, name) for point in points]
        if name in _OF_EACH:
            record[name] = {c: [_number(value.get(c)) for value in values] for c in values[-1]}
        elif name in _OF_EPISODES:
            record[name] = {c: [value.get(c) for value in values] for c in values[-1]}
        else:
            record[name] = values if name in _MAY_LACK else [_number(value) for value in values]
    return Curves.model_validate(record)


def _number(value: Any) -> Any:
    return math.nan if value is None else value
