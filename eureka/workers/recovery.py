"""Trainings that survive crashes: progress is journalled, resumed, and split until the failing member is found."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eureka.config.settings import Plan, Racing
from eureka.errors import UserError
from eureka.runs import layout
from eureka.runs.candidate import Dropped, Failed, Known, Outcome, Trained
from eureka.runs.events import Notice, Progressed
from eureka.runs.journal import CheckpointEvent, PublishedFile, SplitEvent, StageEvent, TrainedEvent
from eureka.runs.store import Run
from eureka.workers.client import ALONE, TOGETHER, TrainerClient
from eureka.workers.messages import Checkpoint, CheckpointMember, InitialPolicyFile, Note, Outcomes, Progress, Train
from eureka.workers.process import Died
from eureka.workers.progress import ProgressAggregator

_MIN_TIMEOUT = 300.0
_TIMEOUT_FACTOR = 20.0  # of the longest time between two answers so far; the timeout is at least `_MIN_TIMEOUT` s


@dataclass(frozen=True)
class WarmStart:
    """A policy that initialises all members of a training."""

    parent: str  # name of its candidate
    file: str  # its path, relative to the run folder
    samples: int  # weight of its observation normaliser, in observations: the world-steps of its training


@dataclass(frozen=True)
class TrainingRequest:
    """A training of a population. Sequences have one element per member."""

    key: str  # name of the training in the journal
    programs: Sequence[str]
    seeds: Sequence[int]
    purpose: str  # `search`, `validation` or `final`
    places: Sequence[str]  # where each policy is published, relative to the run folder
    race: Racing | None = None  # successive halving; None to train all members to the end
    warm: WarmStart | None = None  # the policy that initialises all members; None for new policies
    trainings: int = 1  # of each candidate: the first members are one of each, the next ones the second of each
    known: Mapping[int, Known] = field(default_factory=dict)  # failures; such a member trains up to the rung before

    @property
    def candidates(self) -> int:
        """Number of candidates: member m is training m // candidates of candidate m % candidates."""
        return len(self.programs) // self.trainings


@dataclass(frozen=True)
class TrainingJob:
    """A training in a run, and the shares that it is split into."""

    run: Run
    request: TrainingRequest
    plan: Plan
    progress: ProgressAggregator

    def train(
        self, trainer: TrainerClient, members: list[int], until: int | None, threads: int | None = None
    ) -> list[Outcome]:
        """Train some members to the end, or to the rung after iteration `until`."""
        about = {"training": self.request.key, "members": members, "until": until}
        done = self.run.find(TrainedEvent, **about)
        if done is not None:
            self.progress.ended(members, done.outcomes)
            return done.outcomes
        if self.run.find(SplitEvent, **about) is None:
            result = self._persist(trainer, members, until, threads)
            if not isinstance(result, str):
                return result
            if len(members) == 1:
                message = f"the process that trained it {result} in every attempt"
                return [self.fail(members[0], until, Failed(stage="train", message=message, machine=True))]
            self.run.append(SplitEvent(training=self.request.key, members=members, until=until, reason=result))
        half = len(members) // 2
        return [o for part in (members[:half], members[half:]) for o in self.train(trainer, part, until, threads)]

    def fail(self, member: int, until: int | None, failed: Failed) -> Failed:
        """Record that the machine failed on the way of a member to `until`."""
        about = {"training": self.request.key, "members": [member], "until": until}
        self.run.once(TrainedEvent, about, lambda: {"outcomes": [failed]})
        return failed

    def _persist(
        self, trainer: TrainerClient, members: list[int], until: int | None, threads: int | None
    ) -> list[Outcome] | str:
        """Train, and resume after crashes; the reason for giving up if they repeat without a checkpoint in between."""
        deaths = 0
        while True:
            before = self._resume(members)
            try:
                return self._attempt(trainer, members, until, threads)
            except Died as death:
                trainer.restart()
                deaths = deaths + 1 if self._resume(members) == before else 1
                if deaths >= (ALONE if len(members) == 1 else TOGETHER):
                    return death.reason

    def _attempt(
        self, trainer: TrainerClient, members: list[int], until: int | None, threads: int | None
    ) -> list[Outcome]:
        _ = trainer.description  # waits until the process is ready and its isolation is known
        trainer.send(self._command(members, until, threads))
        timeout, longest, heard = trainer.timeout, 0.0, time.monotonic()
        while True:
            answer = trainer.receive(Progress, Note, Checkpoint, Outcomes, timeout=timeout)
            silence, heard = time.monotonic() - heard, time.monotonic()
            longest = max(longest, silence)
            timeout = max(min(trainer.timeout, _MIN_TIMEOUT), _TIMEOUT_FACTOR * longest)
            match answer:
                case Progress(progress=progress):
                    self.progress(Progressed(tuple(members), progress))
                case Note(text=text):
                    self.progress(Notice(text))
                case Checkpoint():
                    self._record_checkpoint(members, answer)
                case Outcomes():
                    return self._record_outcomes(members, until, answer)

    def _command(self, members: list[int], until: int | None, threads: int | None) -> Train:
        # A hash, since the numbers of all members may be too long for a file name.
        name = hashlib.sha256(",".join(map(str, members)).encode()).hexdigest()[:16]
        warm = self.request.warm
        return Train(
            programs=tuple(self.request.programs[m] for m in members),
            seeds=tuple(self.request.seeds[m] for m in members),
            plan=self.plan,
            folder=str(self.run.scratch(self.request.key) / name),
            resume=self._resume(members),
            warm=InitialPolicyFile(file=str(self.run.inside(warm.file)), samples=warm.samples)
            if warm
            else self._start(),
            until=until,
            threads=threads,
            stage_ends=tuple(self.stage_ends()),
        )

    def _start(self) -> InitialPolicyFile | None:
        """The policy that every training of the run starts from, if there is one."""
        policy = self.run.settings.policy
        if policy is None:
            return None
        copy = self.run.inside(layout.START)
        if not self.run.verified(copy, policy.sha256):
            raise UserError(f"{copy} is missing or was changed; restore it from {policy.origin}, or start a new run")
        return InitialPolicyFile(file=str(copy), samples=policy.samples)

    def stage_ends(self) -> list[int]:
        """The iterations at which stages end, as far as it is decided; the others at the latest."""
        met = {e.stage: e.iteration for e in self.run.all(StageEvent, training=self.request.key) if e.met}
        return self.plan.curriculum.ends(self.plan.iterations, met)

    def stage_at(self, mark: int, before: int) -> int | None:
        """The stage that ends at the checkpoint `mark` if its condition is met, which is not decided yet.

        `before` is the checkpoint before it: the episodes since then must be of this stage.
        """
        ends = self.stage_ends()
        stage = sum(end < mark for end in ends)
        if stage == len(ends) or mark == ends[stage] or self.plan.curriculum.stages[stage].target is None:
            return None
        about = {"training": self.request.key, "stage": stage, "iteration": mark}
        begun = ends[stage - 1] if stage else 0
        return stage if begun <= before and self.run.find(StageEvent, **about) is None else None

    def decide_stage(self, stage: int, mark: int, outcomes: Sequence[Outcome]) -> None:
        """End a stage at `mark` if half of the population have reached its target in training."""
        target = self.plan.curriculum.stages[stage].target
        assert target is not None
        fitness = [o.curves.training_fitness[-1] for o in outcomes if isinstance(o, Dropped)]
        reached = sum(f is not None and f >= target for f in fitness)
        event = StageEvent(
            training=self.request.key, stage=stage, iteration=mark, met=bool(fitness) and 2 * reached >= len(fitness)
        )
        self.run.append(event)
        if event.met:
            self.progress(
                Notice(f"stage {stage + 1} ends at step {mark * self.steps}: half of the population reached it")
            )

    @property
    def steps(self) -> int:
        """Training world-steps of one member per iteration."""
        return self.plan.worlds * self.plan.learning.horizon

    def _record_checkpoint(self, members: list[int], answer: Checkpoint) -> None:
        before = self.run.find(CheckpointEvent, training=self.request.key, members=members)
        event = CheckpointEvent(
            training=self.request.key,
            members=members,
            number=answer.number,
            file=self._relative(answer.saved.file),
            sha256=answer.saved.sha256,
            points={self._of(m): point for m, point in zip(members, answer.points, strict=True)},
        )
        self.run.append(event)
        if before is not None and before.file != event.file:
            self.run.inside(before.file).unlink(missing_ok=True)

    def _record_outcomes(self, members: list[int], until: int | None, answer: Outcomes) -> list[Outcome]:
        outcomes = list(answer.outcomes)
        left = {
            m: PublishedFile(file=self._relative(policy.file), sha256=policy.sha256)
            for m, policy in zip(members, answer.policies, strict=False)  # none at a rung, but of commands
        }
        places = {m: self._place(m, file.file) for m, file in left.items()}
        kept = {m: o for m, o in zip(members, outcomes, strict=True) if m in left}
        files = {places[m]: left[m] for m, o in kept.items() if isinstance(o, Trained)}
        of_failed = {places[m]: left[m] for m, o in kept.items() if isinstance(o, Failed) and self._is_folder(left[m])}
        event = TrainedEvent(
            training=self.request.key,
            members=members,
            until=until,
            outcomes=outcomes,
            seconds=answer.clocks,
            sizes=answer.sizes,
            publish=files,
        )
        self.run.append(event)
        self.run.publish(files | of_failed)
        return outcomes

    def _resume(self, members: list[int]) -> tuple[CheckpointMember, ...] | None:
        """The latest checkpoint that all members have in common; None if there is none."""
        events = [e for e in reversed(self.run.all(CheckpointEvent, training=self.request.key)) if self._usable(e)]
        for number in sorted({event.number for event in events}, reverse=True):
            of_number = [event for event in events if event.number == number]
            found = [next((e for e in of_number if member in e.members), None) for member in members]
            if all(found):
                return tuple(
                    CheckpointMember(file=str(self.run.inside(event.file)), member=event.members.index(member))
                    for member, event in zip(members, found, strict=True)
                    if event
                )
        return None

    def _usable(self, checkpoint: CheckpointEvent) -> bool:
        return self.run.verified(self.run.inside(checkpoint.file), checkpoint.sha256)

    def _place(self, member: int, file: str) -> str:
        """Where a member's policy is published; the output folder of a command of the user's goes beside it."""
        folder = self.run.inside(file).is_dir()
        return f"{self._of(member)}/{layout.OUTPUT}" if folder else self.request.places[member]

    def _is_folder(self, file: PublishedFile) -> bool:
        return self.run.inside(file.file).is_dir()

    def _of(self, member: int) -> str:
        """Folder of a member, relative to the run folder."""
        return str(Path(self.request.places[member]).parent)

    def _relative(self, file: str) -> str:
        return str(Path(file).relative_to(self.run.folder))
