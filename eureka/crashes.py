"""A training carried through crashes: journalled, gone on with, and cut in two until the culprit is found."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eureka.candidate import Failed, Outcome, Trained
from eureka.display import Progressed, Said
from eureka.store import Run
from eureka.workers import Died

if TYPE_CHECKING:
    from eureka.trainer import Trainer

TOGETHER = 2
"""Deaths of the process without a new checkpoint after which a population is cut in two."""
ALONE = 3
"""The same for a single member, after which it has failed."""

_LEAST_PATIENCE = 300.0
_PATIENCE_FACTOR = 20.0
"""s without a sign of life after the first one: so many times the longest silence there was, but not less than this."""

OnProgress = Callable[[Progressed | Said], None]


@dataclass(frozen=True)
class Work:
    """One training and the parts that crashes may cut it into; fields are as the arguments of `Trainer.train`."""

    trainer: Trainer
    run: Run
    key: str
    programs: Sequence[str]
    seeds: Sequence[int]
    plan: dict[str, Any]
    """Settings as the trainer process reads them."""
    places: Sequence[str]
    on_progress: OnProgress

    def train(self, members: list[int]) -> list[Outcome]:
        """The outcomes of some members."""
        done = self.run.find("trained", training=self.key, members=members)
        if done is not None:
            return [_outcome(o) for o in done["outcomes"]]
        if self.run.find("split", training=self.key, members=members) is None:
            result = self._persist(members)
            if not isinstance(result, str):
                return result
            if len(members) == 1:
                message = f"the process that trained it {result} again and again, perhaps for lack of memory"
                failed = Failed(stage="train", message=message, machine=True)
                self.run.append("trained", training=self.key, members=members, outcomes=[failed.model_dump()])
                return [failed]
            self.run.append("split", training=self.key, members=members, reason=result)
        half = len(members) // 2
        return self.train(members[:half]) + self.train(members[half:])

    def _persist(self, members: list[int]) -> list[Outcome] | str:
        """Train in spite of crashes; gives up with the reason when they come without a checkpoint between them."""
        deaths = 0
        while True:
            before = self._newest(members)
            try:
                return self._attempt(members)
            except Died as death:
                self.trainer.restart()
                deaths = deaths + 1 if self._newest(members) == before else 1
                if deaths >= (ALONE if len(members) == 1 else TOGETHER):
                    return death.reason

    def _attempt(self, members: list[int]) -> list[Outcome]:
        folder = self.run.scratch(self.key)
        self.trainer.send(
            {
                "command": "train",
                "programs": [self.programs[m] for m in members],
                "seeds": [self.seeds[m] for m in members],
                "plan": self.plan,
                "folder": str(folder / "-".join(map(str, members))),
                "resume": self._resume(members),
            }
        )
        patience, longest, heard = self.trainer.patience, 0.0, time.monotonic()
        while True:
            answer = self.trainer.receive(patience)
            silence, heard = time.monotonic() - heard, time.monotonic()
            longest = max(longest, silence)
            patience = max(min(self.trainer.patience, _LEAST_PATIENCE), _PATIENCE_FACTOR * longest)
            match answer["kind"]:
                case "progress":
                    self.on_progress(Progressed(tuple(members), answer))
                case "note":
                    self.on_progress(Said(answer["text"]))
                case "checkpoint":
                    self._record_checkpoint(members, answer)
                case "outcomes":
                    return self._record_outcomes(members, answer)

    def _record_checkpoint(self, members: list[int], answer: dict[str, Any]) -> None:
        before = self.run.find("checkpoint", training=self.key, members=members)
        file = self._relative(answer["file"])
        self.run.append(
            "checkpoint",
            training=self.key,
            members=members,
            number=answer["number"],
            file=file,
            sha256=answer["sha256"],
        )
        if before is not None and before["file"] != file:
            self.run.inside(before["file"]).unlink(missing_ok=True)

    def _record_outcomes(self, members: list[int], answer: dict[str, Any]) -> list[Outcome]:
        outcomes = [_outcome(o) for o in answer["outcomes"]]
        files = {
            self.places[m]: {"file": self._relative(policy["file"]), "sha256": policy["sha256"]}
            for m, policy, outcome in zip(members, answer["policies"], outcomes, strict=True)
            if isinstance(outcome, Trained)
        }
        self.run.append(
            "trained",
            training=self.key,
            members=members,
            outcomes=[o.model_dump(mode="json") for o in outcomes],
            seconds=answer["clocks"],
            sizes=answer["sizes"],
            publish=files,
        )
        self.run.publish(files)
        return outcomes

    def _newest(self, members: list[int]) -> dict[str, Any] | None:
        """The latest usable checkpoint that holds all of `members`."""
        for event in self.run.all("checkpoint", training=self.key):
            whole = set(members) <= set(event["members"])
            if whole and self.run.verified(self.run.inside(event["file"]), event["sha256"]):
                return event
        return None

    def _resume(self, members: list[int]) -> dict[str, Any] | None:
        event = self._newest(members)
        if event is None:
            return None
        positions = [event["members"].index(m) for m in members]
        return {"file": str(self.run.inside(event["file"])), "members": positions}

    def _relative(self, file: str) -> str:
        return str(Path(file).relative_to(self.run.folder))


def _outcome(data: dict[str, Any]) -> Outcome:
    return Trained.model_validate(data) if "curves" in data else Failed.model_validate(data)
