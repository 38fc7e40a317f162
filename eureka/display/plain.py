"""The plain display: one line per event."""

from __future__ import annotations

import time
from collections.abc import Callable

from eureka.display.format import Pace, _print, format_answer, format_candidate, format_rung
from eureka.runs.events import (
    Answered,
    Asked,
    Event,
    FinalBegan,
    Finished,
    GenerationBegan,
    GenerationEnded,
    Notice,
    Progressed,
    Rejected,
    RungReached,
    TrainingBegan,
    TrainingProgress,
    ValidationBegan,
)
from eureka.text import number, plain, shown

_PROGRESS_INTERVAL = 5.0  # s between two lines of progress


class Plain:
    """Prints one line per event, and progress every few seconds. Independent of the terminal."""

    def __init__(self, write: Callable[[str], None] | None = None) -> None:
        self._write = write or _print
        self._pace = Pace()
        self._last = 0.0
        self._names: tuple[str, ...] = ()

    def __call__(self, event: Event) -> None:
        match event:
            case Notice(text):
                self._write(plain(text))
            case GenerationBegan(number=generation, of=of):
                self._write(f"\ngeneration {generation} of {of}")
            case Asked(designer, replies):
                self._write(f"  asking {shown(designer)} for {replies} repl{'ies' if replies != 1 else 'y'}")
            case Answered(answer, missing, spent):
                if answer.prompt_tokens is not None or missing:
                    self._write(f"  {format_answer(answer, missing)}{f'; spent: {spent}' if answer.called else ''}")
            case Rejected(candidate, again):
                repair = "; requesting a repair" if again else ""
                self._write(f"  {candidate.name}  {shown(str(candidate.failed))}{repair}")
            case TrainingBegan(names):
                self._pace.restart()
                self._last = time.monotonic()
                self._names = names
                self._write(f"  training {len(names)} polic{'ies' if len(names) != 1 else 'y'}")
            case Progressed(report=report):
                self._progress(report)
            case RungReached():
                self._write(f"  {format_rung(event, self._names)}")
            case GenerationEnded(candidates):
                for candidate in candidates:
                    self._write(f"  {format_candidate(candidate)}")
            case ValidationBegan(candidates, seeds):
                self._write(f"\nvalidation: {', '.join(candidates)} on {seeds} fresh seed{'s' if seeds != 1 else ''}")
            case FinalBegan(arms, seeds):
                title = f"{', '.join(arms)} on {seeds} fresh seed{'s' if seeds != 1 else ''}"
                self._write(f"\nfinal comparison: {title}, same budget" if len(arms) > 1 else f"\n{title}")
            case Finished(folder, comparison, winner):
                from eureka.display import tables

                tables.show_result(folder, comparison, winner)

    def _progress(self, report: TrainingProgress) -> None:
        now = time.monotonic()
        if now - self._last < _PROGRESS_INTERVAL:
            return
        self._last = now
        share = report.iteration / report.iterations
        known = [f for f in report.fitness if f is not None]
        best = f"   best fitness {number(max(known))}" if known else ""
        self._write(f"  {share:4.0%}{best}   {self._pace.words(report)}")
