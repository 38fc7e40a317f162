"""Candidates and training curves, rebuilt from the journal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eureka.errors import UserError, did_you_mean
from eureka.runs.candidate import Candidate, Curves, Failed, Outcome, outcome_of, report_score
from eureka.runs.replies import replies_of
from eureka.runs.store import Event

_OF_EACH = ("components", "least", "greatest")
"""Fields with a value for each component."""
_MAY_LACK = ("training_fitness", "episode_length")
"""Fields whose values may be unknown; elsewhere null stands for what is no number."""


def candidates_of(events: list[Event]) -> dict[str, Candidate]:
    """Every candidate of a journal by name, in the state that its last attempt reached."""
    latest = {(g, slot): (attempt, reply) for (g, slot, attempt), (reply, _) in sorted(replies_of(events).items())}
    verdicts = {(e["generation"], e["slot"], e["attempt"]): e for e in events if e["event"] == "verdict"}
    outcomes, warm = _outcomes(events), _warm(events)
    first: dict[str, str] = {}
    found = {}
    for (generation, slot), (attempt, reply) in sorted(latest.items()):
        verdict = verdicts.get((generation, slot, attempt), {})
        mark = verdict.get("fingerprint")
        name = f"{generation}.{slot}"
        original = first.setdefault(mark, name) if mark else name
        outcome: Outcome | None = None
        if verdict.get("failed"):
            outcome = Failed.model_validate(verdict["failed"])
        elif mark:
            outcome = outcomes.get(original)
        found[name] = Candidate(
            generation=generation,
            slot=slot,
            attempt=attempt,
            reply=reply.text,
            code=verdict.get("code"),
            notes=verdict.get("notes", ()),
            fingerprint=mark,
            duplicate_of=original if original != name else None,
            warm=warm.get(original) if mark else None,
            outcome=outcome,
        )
    return found


def _warm(events: list[Event]) -> dict[str, str]:
    """The candidates that began from another's policy, with whose."""
    names = _trainings(events)
    begun = {e["training"]: e["warm"] for e in events if e["event"] == "training" and e["warm"]}
    return {name: begun[training] for training in begun for name in names[training].values()}


def _outcomes(events: list[Event]) -> dict[str, Outcome]:
    """What trainings gave, by candidate's name."""
    names = _trainings(events)
    standings: dict[str, Outcome] = {}
    outcomes: dict[str, Outcome] = {}
    for event in events:
        known = names.get(event.get("training", ""), {})
        if event["event"] == "trained" and known:
            found = {known[m]: outcome_of(o) for m, o in zip(event["members"], event["outcomes"], strict=True)}
            standings |= found
            # Whoever is at a rung of a race goes on, unless it has failed or is dropped there.
            outcomes |= {n: o for n, o in found.items() if event["until"] is None or isinstance(o, Failed)}
        elif event["event"] == "raced" and known:
            outcomes |= {known[m]: standings[known[m]] for m in event["dropped"]}
    return outcomes


def _trainings(events: list[Event]) -> dict[str, dict[int, str]]:
    """The candidates' names by training and member."""
    return {
        e["training"]: {i: f"{generation}.{slot}" for i, (generation, slot, _) in enumerate(e["members"])}
        for e in events
        if e["event"] == "training"
    }


def find_candidate(folder: Path, events: list[Event], candidates: dict[str, Candidate], name: str | None) -> Candidate:
    """A candidate by name; without one, the winner or the best so far.

    Raises:
        UserError: there is none.
    """
    if name:
        return _named(candidates, name)
    finished = next((e for e in reversed(events) if e["event"] == "finished" and e["winner"]), None)
    if finished is not None:
        return _named(candidates, finished["winner"])
    trained = [c for c in candidates.values() if c.trained and not c.duplicate_of and c.generation]
    if not trained:
        raise UserError(f"{folder} has no trained candidate yet; name one with --candidate")
    return max(trained, key=report_score)


def _named(candidates: dict[str, Candidate], name: str) -> Candidate:
    if name not in candidates:
        raise UserError(
            f"no candidate {name!r}{did_you_mean(name, candidates)}; there are {', '.join(candidates) or 'none'}"
        )
    return candidates[name]


def curves_so_far(events: Sequence[Event]) -> dict[str, Curves]:
    """Curves by place (`candidates/1.0`, `final/human-0`); a point that was made again after a crash counts once."""
    points: dict[str, dict[int, Mapping[str, Any]]] = {}
    for event in events:
        if event["event"] == "checkpoint":
            for place, point in event.get("points", {}).items():
                points.setdefault(str(place), {})[point["steps"]] = point
    return {place: _curves([found[steps] for steps in sorted(found)]) for place, found in points.items()}


def _curves(points: Sequence[Mapping[str, Any]]) -> Curves:
    record: dict[str, Any] = {}
    for name in Curves.model_fields:
        if name in _OF_EACH:
            record[name] = {c: [_number(p[name].get(c)) for p in points] for c in points[-1][name]}
        else:
            record[name] = [p[name] if name in _MAY_LACK else _number(p[name]) for p in points]
    return Curves.model_validate(record)


def _number(value: Any) -> Any:
    return math.nan if value is None else value
