"""The trainer processes of a run: a population is split into shares, one per trainer, and halved at rungs."""

from __future__ import annotations

import itertools
import queue
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from eureka.config.description import Description
from eureka.config.parameters import Curriculum
from eureka.config.settings import Settings
from eureka.runs.candidate import Failed, Outcome
from eureka.runs.events import OnProgress
from eureka.runs.journal import RacedEvent, SharesEvent
from eureka.runs.store import Run
from eureka.workers import halving, memory
from eureka.workers.client import TrainerClient
from eureka.workers.executors import Executor
from eureka.workers.messages import PlayedEpisodes, PreflightReport
from eureka.workers.progress import ProgressAggregator
from eureka.workers.recovery import TrainingJob, TrainingRequest

_MEASURED_WORLDS, _MEASURED_MEMBERS = 4096, 2
"""On a CPU: most worlds of a member, and members for each thread, whose rate is measured; more do not change it."""


class TrainerPool:
    """Trainer processes of one task, one per worker of the executor."""

    def __init__(self, executor: Executor, scratch: Path, curriculum: Curriculum = Curriculum()):
        """Start the processes, with the task's parameters; `close` removes `tmp` in `scratch`, their working folder."""
        self.executor, self._scratch = executor, scratch
        self.trainers: list[TrainerClient] = []
        try:
            for number in range(executor.workers):
                self.trainers.append(TrainerClient(executor, number, curriculum=curriculum))
        except BaseException:
            self.close()
            raise

    @property
    def first(self) -> TrainerClient:
        return self.trainers[0]

    @property
    def description(self) -> Description:
        return self.first.description

    def preflight(self, program: str, worlds: int) -> PreflightReport | Failed:
        return self.first.preflight(program, worlds)

    def play_episodes(
        self, episodes: int, seed: int, programs: Sequence[str] = (), policy: Path | None = None
    ) -> PlayedEpisodes:
        return self.first.play_episodes(episodes, seed, programs, policy)

    def probe(self, *arguments: Any) -> dict[str, Any]:
        return self.first.probe(*arguments)

    def measure(self, members: int, settings: Settings) -> tuple[float, float]:
        """World-steps per second of `members` members, in training and in evaluation, on all trainers at once."""
        together, most = self.shares(settings)
        busy = self.trainers[: min(members, together)]
        each = min(most, -(-members // len(busy)))
        if settings.device == "cpu":
            each = min(each, _MEASURED_MEMBERS * self.executor.threads)
            settings = settings.model_copy(update={"worlds": min(settings.worlds, _MEASURED_WORLDS)})
        with ThreadPoolExecutor(len(busy)) as pool:
            try:
                rates = list(pool.map(lambda trainer: trainer.measure(each, settings), busy))
            except BaseException:  # an interruption does not wait for the measurement, which may last minutes
                for trainer in self.trainers:
                    trainer.kill()
                raise
        return sum(training for training, _ in rates), sum(evaluation for _, evaluation in rates)

    def member_bytes(self, settings: Settings) -> int:
        """Memory that one member's training needs."""
        seen, action = self.description.observation_size, self.description.action_size
        return memory.of_member(settings, seen, action, self.first.world)

    def room(self, settings: Settings) -> int:
        """How many members train together; raises `UserError` if the memory does not suffice for one."""
        fit = memory.room(settings, self.member_bytes(settings), self.first.available)
        return fit if self.executor.one_memory else fit * len(self.trainers)

    def shares(self, settings: Settings) -> tuple[int, int]:
        """How many trainers work at the same time, and how many members each of them holds at most."""
        room = self.room(settings)
        together = min(room, len(self.trainers))
        return together, room // together

    def train(self, run: Run, request: TrainingRequest, on_progress: OnProgress) -> list[Outcome | None]:
        """Train a population, and resume what an interrupted run has left; one outcome per member.

        A member whose training kills its process repeatedly has failed; the others are trained without it. A candidate
        has failed if one of its trainings has; its others end there. The outcome of a member that was not begun when
        its candidate left is None. `on_progress` is called by one thread at a time.
        """
        _ = self.description
        plan = run.settings.plan(request.purpose, request.warm is not None)
        marks, steps, count = (
            plan.evaluation.marks(plan.iterations),
            plan.worlds * plan.learning.horizon,
            request.candidates,
        )
        total = halving.work(request.race, request.trainings, count, marks).iterations
        progress = ProgressAggregator(on_progress, total, plan.iterations, steps)
        job = TrainingJob(run, request, plan, progress)
        outcomes: dict[int, Outcome] = {}
        running = list(range(count))
        every = halving.stretches(request.race, request.trainings, marks)
        before = halving.Stretch(0, 0)
        for number, stretch in enumerate(every):
            if not running:
                break
            last = number == len(every) - 1
            older = [t * count + c for t in range(before.seeds) for c in running]
            newer = [t * count + c for t in range(before.seeds, stretch.seeds) for c in running]
            kept = len(running) if last or request.race is None else halving.survivors(request.race, len(running))
            rest = halving.work(request.race, request.trainings, kept, marks, number + 1).iterations
            waiting = len(newer) * stretch.end if older else 0
            for members, begun, left in ((older, before.end, rest + waiting), (newer, 0, rest)):
                outcomes |= self._train_to(job, members, begun, stretch.end, left)
            if not last:
                running = self._raced(job, running, stretch, outcomes)
            before = stretch
        run.clear_scratch(request.key)
        return [outcomes.get(m) for m in range(len(request.programs))]

    def _train_to(self, job: TrainingJob, members: list[int], begun: int, end: int, rest: int) -> dict[int, Outcome]:
        """Train members to an iteration; they pass together from a stage of the curriculum to the next.

        `rest` iterations of members are left after that.
        """
        outcomes: dict[int, Outcome] = {}
        marks = job.plan.evaluation.marks(job.plan.iterations)
        for before, mark in itertools.pairwise([0, *marks]):
            if not begun < mark <= end or not members:
                continue
            stage = job.stage_at(mark, before)
            if stage is None and mark < end:
                continue
            job.progress.begin(members, begun, mark, rest + len(members) * (end - mark))
            outcomes |= self._train_until(job, members, None if mark == job.plan.iterations else mark)
            if stage is not None:
                job.decide_stage(stage, mark, [outcomes[m] for m in members])
            begun, members = mark, [m for m in members if not isinstance(outcomes[m], Failed)]
        return outcomes

    def _raced(
        self, job: TrainingJob, running: list[int], stretch: halving.Stretch, outcomes: Mapping[int, Outcome]
    ) -> list[int]:
        """The candidates that continue after a rung."""
        count, race = job.request.candidates, job.request.race
        assert race is not None
        members = {c: [t * count + c for t in range(stretch.seeds)] for c in running}
        standings = {c: [outcomes[m] for m in mine] for c, mine in members.items()}

        def drop() -> dict[str, list[int]]:
            return {"dropped": sorted(m for c in halving.losers(race, standings) for m in members[c])}

        about = {"training": job.request.key, "until": stretch.end}
        dropped = job.run.once(RacedEvent, about, drop).dropped
        fitness = halving.fitness_at(standings)
        job.progress.raced(fitness, dropped)
        return [c for c in fitness if c not in dropped]

    def _train_until(self, job: TrainingJob, members: list[int], until: int | None) -> dict[int, Outcome]:
        """Train members to a rung or to the end, one share per trainer."""
        known = job.request.known.items()
        lost = {m: job.fail(m, until, k.failed) for m, k in known if m in members and k.until == until}
        members = [m for m in members if m not in lost]
        if not members:
            return dict(lost)
        cuts = [event.shares for event in job.run.all(SharesEvent, training=job.request.key, until=until)]
        shares = next((cut for cut in cuts if sorted(itertools.chain(*cut)) == members), None)
        if shares is None:
            shares = _split(members, *self.shares(job.run.settings))
            job.run.append(SharesEvent(training=job.request.key, until=until, shares=shares))
        found = self._train_shares(job, shares, until)
        return lost | {
            m: o for share, outcomes in zip(shares, found, strict=True) for m, o in zip(share, outcomes, strict=True)
        }

    def _train_shares(self, job: TrainingJob, shares: list[list[int]], until: int | None) -> list[list[Outcome]]:
        """Train shares, each on a free trainer, as many at the same time as fit into memory."""
        together, _ = self.shares(job.run.settings)
        threads = self.executor.threads_for(min(together, len(shares)))
        if len(shares) == 1:
            return [job.train(self.first, shares[0], until, threads)]
        free: queue.SimpleQueue[TrainerClient] = queue.SimpleQueue()
        for trainer in self.trainers[:together]:
            free.put(trainer)

        def train(share: list[int]) -> list[Outcome]:
            trainer = free.get()
            try:
                return job.train(trainer, share, until, threads)
            finally:
                free.put(trainer)

        with ThreadPoolExecutor(together) as pool:
            futures = []
            try:
                futures += [pool.submit(train, share) for share in shares]
                for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                    future.result()
                return [future.result() for future in futures]
            except BaseException:  # an interruption, or an error in one share, also stops the others
                for future in futures:
                    future.cancel()
                for trainer in self.trainers:
                    trainer.kill()
                raise

    def close(self) -> None:
        for trainer in self.trainers:
            trainer.close()
        self.executor.close()
        shutil.rmtree(self._scratch / "tmp", ignore_errors=True)


def _split(members: list[int], workers: int, most: int) -> list[list[int]]:
    """Contiguous shares of nearly equal size: one per worker, or more if a share would exceed `most` members."""
    count = min(max(workers, -(-len(members) // most)), len(members))
    edges = [len(members) * i // count for i in range(count + 1)]
    return [members[a:b] for a, b in itertools.pairwise(edges)]
