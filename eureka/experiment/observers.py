"""Remarks of people between generations: waiting for them, and taking them up in the next prompts."""

from __future__ import annotations

import time
from collections.abc import Sequence

from eureka.designers.replay import ReplayDesigner
from eureka.experiment.context import RunContext
from eureka.runs import remarks
from eureka.runs.candidate import Candidate
from eureka.runs.events import Notice
from eureka.runs.history import best_of, said_of
from eureka.runs.journal import PromptEvent, RemarkEvent
from eureka.text import command

_POLL = 0.5  # s


def with_remarks(context: RunContext, generation: int, candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates with the remarks that enter the prompts of a generation.

    New ones are recorded before its first prompt; those that come later enter the prompts of the next generation.
    """
    run = context.run
    if candidates and run.find(PromptEvent, generation=generation) is None:
        if context.given.ask_words and not isinstance(context.designer, ReplayDesigner):
            _wait(context, generation, candidates)
        for event in _new(context, generation):
            if run.find(RemarkEvent, file=event.file) is None and any(c.name == event.candidate for c in candidates):
                run.append(event)
    said = said_of(event for event in run.all(RemarkEvent) if event.generation <= generation)
    return [c.model_copy(update={"remarks": said.get(c.name, ())}) for c in candidates]


def _new(context: RunContext, generation: int) -> list[RemarkEvent]:
    if isinstance(context.designer, ReplayDesigner):
        recorded = context.designer.remarks(generation)
        return [RemarkEvent(**event.model_dump(exclude={"time"})) for event in recorded]
    kept = remarks.kept(context.run.folder).items()
    return [RemarkEvent(file=name, generation=generation, candidate=r.candidate, text=r.text) for name, r in kept]


def _wait(context: RunContext, generation: int, candidates: Sequence[Candidate]) -> None:
    folder, best = context.run.folder, best_of(candidates)
    if remarks.is_done(folder, generation):
        return
    remarks.wait_for(folder, generation)
    say = command("feedback", folder, "...", "--candidate", best.name if best else candidates[-1].name)
    context.display(Notice(f"waiting for words on generation {generation - 1}: {say}, or its page in eureka view"))
    context.display(Notice(f"to continue: {command('feedback', folder, '--done')}, or the button on the page"))
    while not remarks.is_done(folder, generation):
        time.sleep(_POLL)
