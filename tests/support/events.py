"""The journal of a run, as tests read and change it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from eureka.runs.store import Event, read_events


def events_of(folder: Path, kind: str | None = None) -> list[Event]:
    """A run's events, all or of one kind; none where there is no journal yet."""
    if not (folder / "events.jsonl").exists():
        return []
    return [event for event in read_events(folder)[0] if kind in (None, event["event"])]


def rewrite(folder: Path, change: Callable[[list[Event]], Iterable[Event]]) -> None:
    """Replace a run's journal by what `change` makes of it."""
    lines = [json.dumps(event) + "\n" for event in change(events_of(folder))]
    (folder / "events.jsonl").write_text("".join(lines))


def cut_before(folder: Path, *kinds: str) -> None:
    """Take all events of these kinds out of a run's journal."""
    rewrite(folder, lambda events: [event for event in events if event["event"] not in kinds])


def answers(folder: Path) -> list[Event]:
    return events_of(folder, "answer")
