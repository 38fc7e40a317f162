"""States of candidates, shared by pages, plots and tables."""

from __future__ import annotations

import math
from typing import Literal

from eureka.runs.candidate import Candidate, Curves, Dropped, Failed, Trained

State = Literal["trained", "dropped", "duplicate", "failed", "training", "waiting"]
MEANINGS: dict[State, str] = {
    "trained": "trained to the end",
    "dropped": "stopped early by racing, with its fitness on selection episodes at that point",
    "duplicate": "same program as an earlier candidate, not trained again",
    "failed": "could not be trained",
    "training": "in training, with its best fitness on selection episodes so far; small dots: at each checkpoint",
    "waiting": "not trained yet",
}


def state_of(candidate: Candidate, begun: bool = False) -> State:
    """State of a candidate; `begun` is whether its training has a checkpoint."""
    if candidate.duplicate_of:
        return "duplicate"
    match candidate.outcome:
        case Failed():
            return "failed"
        case Trained():
            return "trained"
        case Dropped():
            return "dropped"
    return "training" if begun else "waiting"


def curves_of(candidate: Candidate) -> Curves | None:
    """Training curves of a candidate that was trained or dropped."""
    outcome = candidate.outcome
    return outcome.curves if isinstance(outcome, Trained | Dropped) else None


def score_of(candidate: Candidate, so_far: Curves | None = None) -> float | None:
    """The estimate of a candidate's fitness; for a dropped or running training, that on selection episodes."""
    if candidate.estimate is not None:
        return candidate.estimate.mean
    match candidate.outcome:
        case Trained(report=report):
            return report
        case Dropped(selection=selection):
            return selection
        case None if so_far is not None:
            return max(filter(math.isfinite, so_far.fitness), default=None)
    return None
