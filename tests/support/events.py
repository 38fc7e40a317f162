"""The journal of a run, as tests read and change it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Event = dict[str, Any]
"""As JSON."""


def events_of(folder: Path, kind: str | None = None) -> list[Event]:
    """A run's events, all or of one kind; none where there is no journal yet. A line that is not whole is left out."""
    path = folder / "events.jsonl"
    text = path.read_text() if path.exists() else ""
    events = map(json.loads, text[: text.rfind("\n") + 1].splitlines())
    return [event for event in events if kind in (None, event["event"])]


def rewrite(folder: Path, change: Callable[[list[Event]], Iterable[Event]]) -> None:
    """Replace a run's journal by what `change` makes of it."""
    lines = [json.dumps(event) + "\n" for event in change(events_of(folder))]
    (folder / "events.jsonl").write_text("".join(lines))


def cut_before(folder: Path, *kinds: str) -> None:
    """Take all events of these kinds out of a run's journal."""
    rewrite(folder, lambda events: [event for event in events if event["event"] not in kinds])


def answers(folder: Path) -> list[Event]:
    return events_of(folder, "answer")
