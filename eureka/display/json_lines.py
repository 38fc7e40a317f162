"""Prints events as JSON Lines."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from eureka.display.format import _print
from eureka.runs.candidate import Candidate
from eureka.runs.events import Answered, Event, Finished, GenerationEnded, Opened, Rejected


class Json:
    """Prints each event as one JSON object per line."""

    def __call__(self, event: Event) -> None:
        kind = "".join("_" + c.lower() if c.isupper() else c for c in type(event).__name__).lstrip("_")
        _print(json.dumps({"event": kind} | _content(event)))


def _content(event: Event) -> dict[str, Any]:
    match event:
        case Answered(answer, missing, spent):
            return answer.model_dump(mode="json", exclude={"replies"}) | {
                "replies": len(answer.replies),
                "missing": missing,
                "spent": spent,
            }
        case Opened(folder):
            return {"run": str(folder)}
        case Rejected(candidate, again):
            return _short(candidate) | {"again": again}
        case GenerationEnded(candidates):
            return {"candidates": [_short(c) for c in candidates]}
        case Finished(folder=folder, comparison=comparison):
            return {"run": str(folder), "comparison": comparison.model_dump(mode="json")}
        case _:
            return asdict(event)


def _short(candidate: Candidate) -> dict[str, Any]:
    trained = candidate.trained
    return {
        "candidate": candidate.name,
        "duplicate_of": candidate.duplicate_of,
        "failed": candidate.failed.model_dump(mode="json") if candidate.failed else None,
        "report": trained.report if trained else None,
        "selection": trained.selection if trained else None,
        "estimate": candidate.estimate.model_dump(mode="json") if candidate.estimate else None,
        "dropped": candidate.dropped.model_dump(mode="json", exclude={"curves"}) if candidate.dropped else None,
    }
