"""Replies of a recorded run, without a model or a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from eureka.designers.base import Request
from eureka.errors import UserError
from eureka.runs.candidate import Failed, Known
from eureka.runs.replies import Address, Answer, Reply, replies_of
from eureka.runs.store import Event, find_run, read_events


class ReplayDesigner:
    """Looks replies up by address: (generation, slot, attempt)."""

    def __init__(self, run: Path, strict: bool, tell: Callable[[str], None]):
        """Read the journal of `run`.

        Args:
            run: folder of the recorded run.
            strict: whether a prompt that differs from the recorded one is an error.
            tell: shows a line; called once, at the first difference.

        Raises:
            UserError: there is no run, or it has no replies.
        """
        self.folder = find_run(str(run))
        events, _ = read_events(self.folder)
        self._replies = replies_of(events)
        self._failures = _machine_failures(events)
        if not self._replies:
            raise UserError(f"{self.folder} holds no replies to replay")
        self._strict, self._tell, self._told = strict, tell, False
        self.name = f"replay of {self.folder.name}"

    def propose(self, requests: Sequence[Request]) -> Iterator[Answer]:
        found = [(r, slot, *self._find(r, slot)) for r in requests for slot in r.slots]
        changed = [(request, slot) for request, slot, _, event in found if event["prompt"] != request.mark]
        if changed:
            self._report(*changed[0], f"{len(changed)} of {len(found)} slots")
        for _, _, reply, event in found:
            yield Answer(replies=(reply,), model=event["answer"]["model"])

    def given(self) -> Reply | None:
        """The recorded reward of `--start`, if there is one."""
        found = self._replies.get((0, 0, 0))
        return found[0] if found else None

    def _find(self, request: Request, slot: int) -> tuple[Reply, Event]:
        try:
            return self._replies[request.generation, slot, request.attempt]
        except KeyError:
            raise UserError(
                f"{self.folder} has no reply for {_address(request, slot)}; replay it with the settings and task that "
                "it was recorded with"
            ) from None

    def _report(self, request: Request, slot: int, extent: str) -> None:
        if self._strict:
            raise UserError(
                f"the prompt for {_address(request, slot)} differs from the one recorded in {self.folder}: the task, "
                "the prompts, the settings or this machine's arithmetic are different; omit --strict to replay anyway"
            )
        if not self._told:
            self._told = True
            self._tell(
                f"the prompt differs from the recorded one in generation {request.generation} ({extent}): replies are "
                "replayed by address; --strict refuses"
            )

    def verdict(self, generation: int, slot: int, attempt: int) -> Known | None:
        return self._failures.get((generation, slot, attempt))


def _address(request: Request, slot: int) -> str:
    return f"generation {request.generation}, slot {slot}, attempt {request.attempt}"


def _machine_failures(events: list[Event]) -> dict[Address, Known]:
    """Failures of compilation and training by time or memory, by the address of the reply."""
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
