"""Writes readable files to a run's folder: prompts, replies, rewards, records."""

from __future__ import annotations

import json
from collections.abc import Sequence

from eureka.designers import prompts
from eureka.designers.prompts import Messages
from eureka.runs import layout
from eureka.runs.candidate import Candidate
from eureka.runs.store import Run


def write_prompt(run: Run, generation: int, attempt: int, slots: Sequence[int], messages: Messages) -> None:
    """Write a prompt as Markdown, e.g. `prompts/0.0.md`; the name lists the slots unless it is for all."""
    some = slots if len(slots) < run.settings.samples else None
    run.write(layout.prompt(generation, attempt, some), prompts.as_text(messages))


def write_candidate(run: Run, candidate: Candidate) -> None:
    """Write a candidate's reply, code and record to its folder."""
    folder = layout.candidate(candidate.name)
    run.write(f"{folder}/reply.md", candidate.reply)
    if candidate.code is not None:
        run.write(f"{folder}/{layout.REWARD}", candidate.code)
    record = candidate.model_dump(mode="json", exclude={"reply", "code"})
    run.write(f"{folder}/record.json", json.dumps(record, indent=2) + "\n")
