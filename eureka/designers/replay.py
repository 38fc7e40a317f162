"""The replies of a recorded run, once more: no model, no money, the same result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from eureka.designers.base import Request
from eureka.errors import UserError
from eureka.runs.candidate import Failed, Known, Outcome
from eureka.runs.journal import Journal, TrainedEvent, TrainingEvent, read_journal
from eureka.runs.replies import Address, Answer, Reply
from eureka.runs.store import find_run


class ReplayDesigner:
    """Looks replies up by (generation, slot, attempt), and makes sure that the question is the recorded one."""

    def __init__(self, run: Path):
        """Read the journal of `run`.

        Raises:
            UserError: there is no run, or it has no replies.
        """
        self.folder = find_run(str(run))
        journal = read_journal(self.folder)
        self._replies = journal.replies()
        self._failures = _machine_failures(journal)
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
        if event.prompt != request.mark:
            raise UserError(
                f"the prompt for {address} is not the one recorded in {self.folder}: the task, the prompts, the "
                "settings, or this machine's arithmetic differ"
            )
        return Answer(replies=(reply,), model=event.answer.model)

    def verdict(self, generation: int, slot: int, attempt: int) -> Known | None:
        return self._failures.get((generation, slot, attempt))


def _machine_failures(journal: Journal) -> dict[Address, Known]:
    """Failures by time or memory, of compiling and of training, by the reply that they befell."""
    found: dict[Address, tuple[Outcome | None, int | None]] = {
        address: (verdict.failed, None) for address, verdict in journal.verdicts().items()
    }
    trainings = {e.training: e.members for e in journal.all(TrainingEvent)}
    for event in journal.all(TrainedEvent):
        if event.training in trainings:
            for member, outcome in zip(event.members, event.outcomes, strict=True):
                found[trainings[event.training][member]] = outcome, event.until
    return {
        address: Known(failed, until)
        for address, (failed, until) in found.items()
        if isinstance(failed, Failed) and failed.machine
    }
