"""The trainers of a run: a generation cut into shares, one a trainer, and raced where that is wanted."""

from __future__ import annotations

import itertools
import queue
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from types import MappingProxyType
from typing import Any

from eureka.config.description import Description
from eureka.config.settings import Racing, Settings
from eureka.runs.candidate import Dropped, Failed, Known, Outcome
from eureka.runs.events import OnProgress
from eureka.runs.journal import RacedEvent, SharesEvent
from eureka.runs.store import Run
from eureka.workers import halving
from eureka.workers.client import TrainerClient, plan_of
from eureka.workers.executors import Executor
from eureka.workers.progress import ProgressAggregator
from eureka.workers.recovery import TrainingJob, WarmStart


class TrainerPool:
    """Trainer processes of one task, as many as the executor has workers."""

    def __init__(self, executor: Executor, scratch: Path):
        """Start them; `scratch` is the folder that they work in, whose `tmp` is removed in the end."""
        self.executor, self._scratch = executor, scratch
        self.trainers: list[TrainerClient] = []
        try:
            for number in range(executor.workers):
                self.trainers.append(TrainerClient(executor, number))
        except BaseException:
            self.close()
            raise

    @property
    def first(self) -> TrainerClient:
        """The one that is asked what a single one can answer."""
        return self.trainers[0]

    @property
    def description(self) -> Description:
        """The task as its class tells it; raises as `TrainerClient.description` does."""
        return self.first.description

    def preflight(self, program: str, worlds: int) -> dict[str, Any] | Failed:
        """As `TrainerClient.preflight`."""
        return self.first.preflight(program, worlds)

    def probe(self, *arguments: Any) -> dict[str, Any]:
        """As `TrainerClient.probe`."""
        return self.first.probe(*arguments)

    def measure(self, members: int, settings: Settings) -> float:
        """Training world-steps a second with so many members: one trainer's with its share, times the trainers."""
        busy = min(members, len(self.trainers))
        return self.first.measure(-(-members // busy), settings) * busy

    def room(self, settings: Settings) -> int:
        """How many members may train together so that they take half of the free memory at most."""
        return self.first.room(settings) * (1 if self.executor.one_memory else len(self.trainers))

    def train(
        self,
        run: Run,
        key: str,
        programs: Sequence[str],
        seeds: Sequence[int],
        purpose: str,
        places: Sequence[str],
        on_progress: OnProgress,
        race: Racing | None = None,
        warm: WarmStart | None = None,
        known: Mapping[int, Known] = MappingProxyType({}),
    ) -> list[Outcome]:
        """Train programs, from wherever an interrupted run left them.

        Args:
            run: the run, whose journal gets every checkpoint and the outcomes.
            key: name of this training in the journal.
            programs: one program a member.
            seeds: one seed a member.
            purpose: `search` or `final`.
            places: where in the run folder each member's policy goes.
            on_progress: called with reports of progress, by one thread at a time.
            race: how losers are ended early; None for nobody.
            warm: the policy that all begin from; None for fresh ones.
            known: members that fail, as they are known to; those that a rung was before train as far as there.

        Returns:
            One outcome a member. A member whose training kills its process again and again has failed; the others
            are trained without it.
        """
        _ = self.description
        plan = plan_of(run.settings, purpose, warm is not None)
        marks = run.settings.evaluation.marks(plan["iterations"])
        steps = run.settings.worlds * run.settings.learning.horizon
        progress = ProgressAggregator(on_progress, race, marks, len(programs), steps)
        work = TrainingJob(run, key, programs, seeds, plan, places, warm, known, progress)
        outcomes: dict[int, Outcome] = {}
        running = list(range(len(programs)))
        for rung in halving.rungs(race, marks):
            if race is None or not running:
                break
            standings = self._stretch(work, progress, running, rung)
            about = {"training": key, "until": rung}
            dropped = run.once(RacedEvent, about, lambda s=standings: {"dropped": halving.losers(race, s)}).dropped
            progress.raced({m: left.selection for m, left in standings.items() if isinstance(left, Dropped)}, dropped)
            outcomes |= standings
            running = [m for m in running if m not in dropped and not isinstance(standings[m], Failed)]
        if running:
            outcomes |= self._stretch(work, progress, running, None)
        run.clear_scratch(key)
        return [outcomes[m] for m in range(len(programs))]

    def _stretch(
        self, work: TrainingJob, progress: ProgressAggregator, members: list[int], until: int | None
    ) -> dict[int, Outcome]:
        """Train some members to a rung or to the end, each trainer a share of them."""
        lost = {m: work.fail(m, until, k.failed) for m, k in work.known.items() if m in members and k.until == until}
        members = [m for m in members if m not in lost]
        if not members:
            return dict(lost)
        about = {"training": work.key, "until": until}
        shares = work.run.once(SharesEvent, about, lambda: {"shares": _cut(members, len(self.trainers))}).shares
        progress.begin(members, until)
        found = self._together(work, shares, until) if len(shares) > 1 else [work.train(self.first, shares[0], until)]
        return lost | {
            m: o for share, outcomes in zip(shares, found, strict=True) for m, o in zip(share, outcomes, strict=True)
        }

    def _together(self, work: TrainingJob, shares: list[list[int]], until: int | None) -> list[list[Outcome]]:
        free: queue.SimpleQueue[TrainerClient] = queue.SimpleQueue()
        for trainer in self.trainers:
            free.put(trainer)

        def one(share: list[int]) -> list[Outcome]:
            trainer = free.get()
            try:
                return work.train(trainer, share, until)
            finally:
                free.put(trainer)

        with ThreadPoolExecutor(len(self.trainers)) as pool:
            futures = []
            try:
                futures += [pool.submit(one, share) for share in shares]
                for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                    future.result()
                return [future.result() for future in futures]
            except BaseException:  # an interruption, or one share's error, ends the others' waiting
                for future in futures:
                    future.cancel()
                for trainer in self.trainers:
                    trainer.kill()
                raise

    def close(self) -> None:
        """End them."""
        for trainer in self.trainers:
            trainer.close()
        self.executor.close()
        shutil.rmtree(self._scratch / "tmp", ignore_errors=True)


def _cut(members: list[int], workers: int) -> list[list[int]]:
    """Contiguous shares of nearly equal size, at most one a worker."""
    count = min(workers, len(members))
    edges = [len(members) * i // count for i in range(count + 1)]
    return [members[a:b] for a, b in itertools.pairwise(edges)]
