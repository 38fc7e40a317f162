"""The replies of a recorded run, once more: no model, no money, the same result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from eureka.designers.base import Request
from eureka.errors import UserError
from eureka.runs.candidate import Failed, Known
from eureka.runs.replies import Address, Answer, Reply, replies_of
from eureka.runs.store import Event, find_run, read_events


class ReplayDesigner:
    """Looks replies up by (generation, slot, attempt), and makes sure that the question is the recorded one."""

    def __init__(self, run: Path):
        """Read the journal of `run`.

        Raises:
            UserError: there is no run, or it has no replies.
        """
        self.folder = find_run(str(run))
        events, _ = read_events(self.folder)
        self._replies = replies_of(events)
        self._failures = _machine_failures(events)
        if not self._replies:
            raise UserError(f"{self.folder} holds no replies to replay")
        self.name = f"replay of {self.folder.name}"

    def propose(self, requests: Sequence[Request]) -> Iterator[Answer]:
        for request in requests:
            for slot in request.slots:
                yield self._answer(request, slot)

    def given(self) -> Reply | None:
        """The recorded reward of `--start`, if there is one."""
        found = self._replies.get((0, 0, 0))
        return found[0] if found else None

    def _answer(self, request: Request, slot: int) -> Answer:
        found = self._replies.get((request.generation, slot, request.attempt))
        address = f"generation {request.generation}, slot {slot}, attempt {request.attempt}"
        if found is None:
            raise UserError(
                f"{self.folder} has no reply for {address}; replay it with the settings and task that it was "
                "recorded with"
            )
        reply, event = found
        if event["prompt"] != request.mark:
            raise UserError(
                f"the prompt for {address} is not the one recorded in {self.folder}: the task, the prompts, the "
                "settings, or this machine's arithmetic differ"
            )
        return Answer(replies=(reply,), model=event["answer"]["model"])

    def verdict(self, generation: int, slot: int, attempt: int) -> Known | None:
        return self._failures.get((generation, slot, attempt))


def _machine_failures(events: list[Event]) -> dict[Address, Known]:
    """Failures by time or memory, of compiling and of training, by the reply that they befell."""
    found: dict[Address, tuple[dict[str, Any], int | None]] = {
        (e["generation"], e["slot"], e["attempt"]): (e["failed"], None)
        for e in events
        if e["event"] == "verdict" and e["failed"]
    }
    trainings = {e["training"]: e["members"] for e in events if e["event"] == "training"}
    for event in events:
        if event["event"] == "trained" and event["training"] in trainings:
            for member, outcome in zip(event["members"], event["outcomes"], strict=True):
                generation, slot, attempt = trainings[event["training"]][member]
                found[generation, slot, attempt] = outcome, event.get("until")
    return {
        key: Known(Failed.model_validate(data), until) for key, (data, until) in found.items() if data.get("machine")
    }
