"""`--max-hours`: what does not fit is refused, and a search ends after an earlier generation.

The decision to end depends on the clock, so it is journalled before it is acted on, and taken from there afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from eureka.errors import UserError
from eureka.experiment.context import RunContext
from eureka.experiment.estimate import Estimate
from eureka.runs.events import Notice
from eureka.runs.journal import PromptEvent, ShortenedEvent
from eureka.text import duration

_MOST_SLOWER = 3.0  # Maximum factor by which slow generations lengthen the estimate of what follows them


class TimeLimit:
    """The time that a command may take, from the moment this is made."""

    def __init__(self, hours: float, clock: Callable[[], float] = time.monotonic):
        """`clock` gives the time in s."""
        self.hours, self._clock = hours, clock
        self._end = clock() + hours * 3600
        self._estimate: Estimate | None = None
        self._longest = self._begun = 0.0

    def require(self, estimate: Estimate, search: bool) -> None:
        """Use the estimate of a run; raises `UserError` if it, or a `search` of one generation, does not fit."""
        self._estimate, self._longest, self._begun = estimate, 0.0, self._clock()
        needed = estimate.generation + estimate.after if search else estimate.seconds
        left = max(0.0, self._end - self._begun)
        if needed > left:
            what = "one generation with validation and final comparison" if search else "the run"
            raise UserError(
                f"{what} would take about {duration(needed)}, but --max-hours {self.hours:g} leaves "
                f"{duration(left) if left >= 1 else 'no time'}; raise it, or lower --steps "
                "or the numbers of candidates or seeds"
            )

    def suffices(self) -> bool:
        """Whether a generation that begins now leaves time for validation and final comparison."""
        assert self._estimate is not None
        now, expected = self._clock(), self._estimate.generation
        self._longest, self._begun = max(self._longest, now - self._begun), now
        slower = min(_MOST_SLOWER, max(1.0, self._longest / expected)) if expected else 1.0
        return max(expected, self._longest) + slower * self._estimate.after <= self._end - now


def begins(context: RunContext, number: int, round: int, wanted: int, limit: TimeLimit | None) -> bool:
    """Whether generation `number` of `wanted` begins: as the journal says, otherwise as the time left decides."""
    if context.run.find(PromptEvent, generation=number) or limit is None or limit.suffices():
        return True
    event = ShortenedEvent(round=round, generations=number - 1, wanted=wanted, hours=limit.hours)
    context.run.append(event)
    tell(context)
    return False


def tell(context: RunContext) -> None:
    """Show that the search ended early, if it did."""
    if event := context.run.find(ShortenedEvent, round=len(context.run.rounds)):
        done = f"after {event.generations} of {event.wanted} generations"
        context.display(Notice(f"the search ends early, {done}: --max-hours {event.hours:g}"))
