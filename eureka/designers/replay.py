"""Replies of a recorded run, without a model or a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from eureka.designers.base import Request
from eureka.errors import UserError
from eureka.runs.candidate import Failed, Known, Outcome
from eureka.runs.journal import AnswerEvent, Journal, RemarkEvent, TrainedEvent, TrainingEvent, read_journal
from eureka.runs.replies import Address, Answer, Reply
from eureka.runs.store import find_run


class ReplayDesigner:
    """Looks replies up by address: (generation, slot, attempt)."""

    def __init__(self, run: Path, strict: bool, tell: Callable[[str], None]):
        """Read the journal of `run`; UserError if there is none, or it has no replies.

        Args:
            run: folder of the recorded run.
            strict: whether a prompt that differs from the recorded one is an error.
            tell: shows a line; called once, at the first difference.
        """
        self.folder = find_run(str(run))
        journal = read_journal(self.folder)
        self._replies = journal.replies()
        self._failures = _machine_failures(journal)
        self._remarks = journal.all(RemarkEvent)
        if not self._replies:
            raise UserError(f"{self.folder} holds no replies to replay")
        self._strict, self._tell, self._told = strict, tell, False
        self.name = f"replay of {self.folder.name}"
        self.author = ", ".join(dict.fromkeys(event.answer.model for _, event in self._replies.values()))

    def propose(self, requests: Sequence[Request]) -> Iterator[Answer]:
        found = [(r, slot, *self._find(r, slot)) for r in requests for slot in r.slots]
        changed = [(request, slot) for request, slot, _, event in found if event.prompt != request.mark]
        if changed:
            self._report(*changed[0], f"{len(changed)} of {len(found)} slots")
        answers: dict[tuple[str, str], list[Reply]] = {}
        for request, _, reply, event in found:
            answers.setdefault((request.mark, event.answer.model), []).append(reply)
        for (_, model), replies in answers.items():
            yield Answer(replies=tuple(replies), model=model)

    def remarks(self, generation: int) -> list[RemarkEvent]:
        """The recorded remarks that entered prompts in this generation for the first time."""
        return [event for event in self._remarks if event.generation == generation]

    @property
    def generations(self) -> int:
        """The number of generations that were recorded."""
        return max(generation for generation, _, _ in self._replies)

    def given(self) -> Reply | None:
        """The recorded reward of `--start`, if there is one."""
        found = self._replies.get((0, 0, 0))
        return found[0] if found else None

    def _find(self, request: Request, slot: int) -> tuple[Reply, AnswerEvent]:
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
