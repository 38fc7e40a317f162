"""How far a run is, told by the last events of its journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eureka.config.settings import Settings
from eureka.runs.store import Event


@dataclass(frozen=True)
class ProgressView:
    """What the run does, or did last."""

    words: str
    share: float
    """Of all its generations and its final comparison, which count alike."""


def progress_of(settings: Settings, events: Sequence[Event]) -> ProgressView:
    """What the journal's last events say."""
    if not events:
        return ProgressView("begun, nothing recorded yet", 0.0)
    searching = all(e["event"] != "arms" for e in events)
    parts = (settings.generations if searching else 0) + (1 if settings.final_seeds or not searching else 0)
    for last in reversed(events):
        if "training" in last:
            return _training(settings, events, str(last["training"]), parts)
        match last["event"]:
            case "finished":
                return ProgressView("finished", 1.0)
            case "prompt":
                generation = int(last["generation"])
                return ProgressView(
                    f"{_named(settings, generation)}: waiting for replies", _share(generation, 0.0, parts)
                )
            case "answer" | "verdict":
                return _replies(settings, events, int(last["generation"]), parts)
            case "baseline" | "cut":
                return ProgressView("final comparison: rewards are compiled", (parts - 1) / parts)
            case "probed":
                return ProgressView("final comparison: policies are looked at once more", 0.98)
    return ProgressView("begun", 0.0)


def _named(settings: Settings, generation: int) -> str:
    return f"generation {generation} of {settings.generations}" if generation else "the reward to start from"


def _share(generation: int, done: float, parts: int) -> float:
    """Of the whole; a generation counts as one part, of which `done` is done."""
    return max(0.0, min(1.0, (generation - 1 + done) / parts)) if generation else 0.0


def _replies(settings: Settings, events: Sequence[Event], generation: int, parts: int) -> ProgressView:
    answered = {
        reply["slot"]
        for e in events
        if e["event"] == "answer" and e["generation"] == generation
        for reply in e["answer"]["replies"]
    }
    judged = {e["slot"] for e in events if e["event"] == "verdict" and e["generation"] == generation}
    words = f"{_named(settings, generation)}: {len(answered)} of {settings.samples if generation else 1} replies are in"
    return ProgressView(f"{words}, {len(judged)} went through the sandbox", _share(generation, 0.05, parts))


def _training(settings: Settings, events: Sequence[Event], key: str, parts: int) -> ProgressView:
    started: Any = next((e for e in events if e["event"] == "started"), {})
    fitted = started.get("evaluation") or {}
    points = int(fitted.get("checkpoints", settings.evaluation.checkpoints)) or 1
    of_this = [e for e in events if e.get("training") == key]
    passed = max((int(e["number"]) + 1 for e in of_this if e["event"] == "checkpoint"), default=0)
    ended = {m for e in of_this if e["event"] == "raced" for m in e["dropped"]}
    for event in of_this:
        if event["event"] == "trained":
            pairs = zip(event["members"], event["outcomes"], strict=True)
            ended |= {member for member, outcome in pairs if event["until"] is None or "curves" not in outcome}
    members = next((e["members"] for e in of_this if e["event"] == "training"), None)
    if members is None:  # of the final comparison, which names none
        members = {m for e in of_this for m in e.get("members", ())}
    size, left = len(members), len(members) - len(ended)
    over = size > 0 and left <= 0
    done = 1.0 if over else min(0.98, passed / points)
    of_all = f" of {size}" if 0 < left < size else ""
    trained = "trained" if over else f"training {left}{of_all} polic{'ies' if size != 1 else 'y'}"
    words = f"{trained}, checkpoint {min(passed, points)} of {points}"
    head, _, rest = key.partition("-")
    if head == "final":
        return ProgressView(f"final comparison: {words}", (parts - 1 + done * 0.95) / parts)
    generation = int(rest.partition("-")[0] or 0)
    return ProgressView(f"{_named(settings, generation)}: {words}", _share(generation, 0.1 + 0.9 * done, parts))
