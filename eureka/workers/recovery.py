"""A training carried through crashes: journalled, gone on with, and cut in two until the culprit is found."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eureka.runs.candidate import Failed, Known, Outcome, Trained, outcome_of
from eureka.runs.events import Notice, Progressed
from eureka.runs.journal import CheckpointEvent, PublishedFile, SplitEvent, TrainedEvent
from eureka.runs.store import Run
from eureka.workers.client import ALONE, TOGETHER
from eureka.workers.process import Died

if TYPE_CHECKING:
    from eureka.workers.client import TrainerClient
    from eureka.workers.progress import ProgressAggregator


_LEAST_PATIENCE = 300.0
_PATIENCE_FACTOR = 20.0
"""s without a sign of life after the first one: so many times the longest silence there was, but not less than this."""


@dataclass(frozen=True)
class WarmStart:
    """A policy that a training begins from."""

    parent: str
    """The candidate that it is of."""
    file: str
    """Where in the run's folder it is."""
    samples: int
    """Observations that its normaliser counts for: those of its own training."""


@dataclass(frozen=True)
class TrainingJob:
    """One training and the shares that it is cut into; fields are as the arguments of `Crew.train`."""

    run: Run
    key: str
    programs: Sequence[str]
    seeds: Sequence[int]
    plan: dict[str, Any]
    """Settings as the trainer process reads them."""
    places: Sequence[str]
    warm: WarmStart | None
    known: Mapping[int, Known]
    progress: ProgressAggregator

    def train(self, trainer: TrainerClient, members: list[int], until: int | None) -> list[Outcome]:
        """The outcomes of some members, at the end or at the rung after iteration `until`."""
        about = {"training": self.key, "members": members, "until": until}
        done = self.run.find(TrainedEvent, **about)
        if done is not None:
            self.progress.ended(members, done.outcomes)
            return done.outcomes
        if self.run.find(SplitEvent, **about) is None:
            result = self._persist(trainer, members, until)
            if not isinstance(result, str):
                return result
            if len(members) == 1:
                message = f"the process that trained it {result} again and again, perhaps for lack of memory"
                return [self.fail(members[0], until, Failed(stage="train", message=message, machine=True))]
            self.run.append(SplitEvent(training=self.key, members=members, until=until, reason=result))
        half = len(members) // 2
        return self.train(trainer, members[:half], until) + self.train(trainer, members[half:], until)

    def fail(self, member: int, until: int | None, failed: Failed) -> Failed:
        """Record a member's failure by the machine, on the way to `until`."""
        about = {"training": self.key, "members": [member], "until": until}
        self.run.once(TrainedEvent, about, lambda: {"outcomes": [failed]})
        return failed

    def _persist(self, trainer: TrainerClient, members: list[int], until: int | None) -> list[Outcome] | str:
        """Train in spite of crashes; gives up with the reason when they come without a checkpoint between them."""
        deaths = 0
        while True:
            before = self._resume(members)
            try:
                return self._attempt(trainer, members, until)
            except Died as death:
                trainer.restart()
                deaths = deaths + 1 if self._resume(members) == before else 1
                if deaths >= (ALONE if len(members) == 1 else TOGETHER):
                    return death.reason

    def _attempt(self, trainer: TrainerClient, members: list[int], until: int | None) -> list[Outcome]:
        _ = trainer.description  # it is there, and confined
        # Not the members' names, of which there may be more than a file's name can hold.
        name = hashlib.sha256(",".join(map(str, members)).encode()).hexdigest()[:16]
        folder = self.run.scratch(self.key) / name
        warm = {"file": str(self.run.inside(self.warm.file)), "samples": self.warm.samples} if self.warm else None
        trainer.send(
            {
                "command": "train",
                "programs": [self.programs[m] for m in members],
                "seeds": [self.seeds[m] for m in members],
                "plan": self.plan,
                "folder": str(folder),
                "resume": self._resume(members),
                "warm": warm,
                "until": until,
            }
        )
        patience, longest, heard = trainer.patience, 0.0, time.monotonic()
        while True:
            answer = trainer.receive(patience)
            silence, heard = time.monotonic() - heard, time.monotonic()
            longest = max(longest, silence)
            patience = max(min(trainer.patience, _LEAST_PATIENCE), _PATIENCE_FACTOR * longest)
            match answer["kind"]:
                case "progress":
                    self.progress(Progressed(tuple(members), answer))
                case "note":
                    self.progress(Notice(answer["text"]))
                case "checkpoint":
                    self._record_checkpoint(members, answer)
                case "outcomes":
                    return self._record_outcomes(members, until, answer)

    def _record_checkpoint(self, members: list[int], answer: dict[str, Any]) -> None:
        before = self.run.find(CheckpointEvent, training=self.key, members=members)
        event = CheckpointEvent(
            training=self.key,
            members=members,
            number=answer["number"],
            file=self._relative(answer["file"]),
            sha256=answer["sha256"],
            points={self._of(m): point for m, point in zip(members, answer["points"], strict=True)},
        )
        self.run.append(event)
        if before is not None and before.file != event.file:
            self.run.inside(before.file).unlink(missing_ok=True)

    def _record_outcomes(self, members: list[int], until: int | None, answer: dict[str, Any]) -> list[Outcome]:
        outcomes = [outcome_of(o) for o in answer["outcomes"]]
        files = {}
        if until is None:
            files = {
                self.places[m]: PublishedFile(file=self._relative(policy["file"]), sha256=policy["sha256"])
                for m, policy, outcome in zip(members, answer["policies"], outcomes, strict=True)
                if isinstance(outcome, Trained)
            }
        event = TrainedEvent(
            training=self.key,
            members=members,
            until=until,
            outcomes=outcomes,
            seconds=answer["clocks"],
            sizes=answer["sizes"],
            publish=files,
        )
        self.run.append(event)
        self.run.publish(files)
        return outcomes

    def _resume(self, members: list[int]) -> list[dict[str, Any]] | None:
        """Where each member's latest checkpoint is, all of them of the same moment; None where some have none."""
        events = [e for e in reversed(self.run.all(CheckpointEvent, training=self.key)) if self._usable(e)]
        for number in sorted({event.number for event in events}, reverse=True):
            of_then = [event for event in events if event.number == number]
            found = [next((e for e in of_then if member in e.members), None) for member in members]
            if all(found):
                return [
                    {"file": str(self.run.inside(event.file)), "member": event.members.index(member)}
                    for member, event in zip(members, found, strict=True)
                    if event
                ]
        return None

    def _usable(self, checkpoint: CheckpointEvent) -> bool:
        return self.run.verified(self.run.inside(checkpoint.file), checkpoint.sha256)

    def _of(self, member: int) -> str:
        """What a member is, by its place in the run folder."""
        return str(Path(self.places[member]).parent)

    def _relative(self, file: str) -> str:
        return str(Path(file).relative_to(self.run.folder))
