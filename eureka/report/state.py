"""In what state candidates and runs are, each said by one word that pages, plots and tables share."""

from __future__ import annotations

import math
from typing import Literal

from eureka.runs.candidate import Candidate, Curves, Dropped, Failed, Trained

State = Literal["trained", "dropped", "duplicate", "failed", "training", "waiting"]
MEANINGS: dict[State, str] = {
    "trained": "trained to the end",
    "dropped": "ended early in a race, with its fitness on selection episodes by then",
    "duplicate": "the same program as an earlier one, not trained again",
    "failed": "could not be trained",
    "training": "in training, with its best fitness on selection episodes so far",
    "waiting": "not trained yet",
}


def state_of(candidate: Candidate, begun: bool = False) -> State:
    """What became of a candidate; `begun` says whether its training has left a checkpoint."""
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
    """How its training went, as far as it came."""
    outcome = candidate.outcome
    return outcome.curves if isinstance(outcome, Trained | Dropped) else None


def score_of(candidate: Candidate, so_far: Curves | None = None) -> float | None:
    """Its fitness: on report episodes, or on selection episodes where it did not come to the others, or not yet."""
    match candidate.outcome:
        case Trained(report=report):
            return report
        case Dropped(selection=selection):
            return selection
        case None if so_far is not None:
            return max(filter(math.isfinite, so_far.fitness), default=None)
    return None
