"""In what state candidates and runs are, each said by one word that pages, plots and tables share."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import Any, Literal

from eureka.candidate import Candidate, Curves

State = Literal["trained", "dropped", "duplicate", "failed", "waiting"]
MEANINGS: dict[State, str] = {
    "trained": "trained to the end",
    "dropped": "its training was ended early, because others did better",
    "duplicate": "the same program as an earlier one, not trained again",
    "failed": "could not be trained",
    "waiting": "not trained yet",
}


def state_of(candidate: Candidate) -> State:
    """What became of a candidate."""
    if candidate.duplicate_of:
        return "duplicate"
    if candidate.failed is not None:
        return "failed"
    if candidate.trained is not None:
        return "trained"
    return "waiting" if candidate.outcome is None else "dropped"


def curves_of(candidate: Candidate) -> Curves | None:
    """How its training went, as far as it came."""
    return getattr(candidate.outcome, "curves", None)


def score_of(candidate: Candidate) -> float | None:
    """Its fitness: on report episodes, or on selection episodes where it did not come to the others."""
    if candidate.trained is not None:
        return candidate.trained.report
    outcome: Any = candidate.outcome
    return getattr(outcome, "selection", None)


def at_work(folder: Path) -> bool:
    """Whether a process holds a run's lock.

    The question needs a shared lock for an instant, so it is not to be asked of runs that are finished anyway.
    """
    try:
        lock = os.open(folder / "orchestrator.lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except OSError as error:
        return error.errno in (errno.EWOULDBLOCK, errno.EAGAIN)
    finally:
        os.close(lock)
