"""K programs in, K training records out: one population, one simulation, checkpoints on the way."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mujoco
import torch
from torch import Tensor

from eureka.config.settings import Plan
from eureka.envs.base import Worlds
from eureka.envs.env import Env
from eureka.errors import UserError
from eureka.physics.backend import Backend
from eureka.physics.buffers import POOL_BITS, WORLD_BITS
from eureka.rewards.program import Program, ProgramBank
from eureka.rl.checkpoints import read_tensors, write_tensors
from eureka.rl.curves import CurveWriter, mean
from eureka.rl.evaluation import PolicyPlayer
from eureka.rl.normalization import RunningMoments
from eureka.rl.policy import Policy, Shape
from eureka.rl.ppo import Diagnostics, Learner
from eureka.rl.rollout import Clocks, Collector, Rollout
from eureka.runs.candidate import Curves, Dropped, Failed, Outcome, Trained
from eureka.runs.events import TrainingProgress
from eureka.system.seeds import derive
from eureka.task import Task

if TYPE_CHECKING:
    from eureka.envs.gymnasium.env import GymnasiumTask


_OWN = ("curves", "failures", "best", "best_at")
"""What a checkpoint's record holds for each member."""


@dataclass(frozen=True)
class InitialPolicy:
    """A trained policy to begin from, with the moments of its observations.

    Its critic is left aside: that foretells another reward.
    """

    policy: Policy
    moments: RunningMoments
    samples: int
    """Observations that the moments stand for, against those to come."""

    def give(self, learner: Learner) -> None:
        """Let every member begin from it."""
        if self.policy.shape != learner.policy.shape:
            raise UserError("the parent's policy has other sizes than this run's; --warm-start needs the same")
        for name, value in self.policy.views.items():
            if not name.startswith("critic."):
                learner.policy.views[name].copy_(value.expand_as(learner.policy.views[name]))
        learner.observations.mean.copy_(self.moments.mean.expand_as(learner.observations.mean))
        learner.observations.var.copy_(self.moments.var.expand_as(learner.observations.var))
        learner.observations.count.fill_(self.samples)


class Training:
    """The training of P members; `run` may be left at any checkpoint and gone on with from its file."""

    def __init__(
        self,
        task: Task | GymnasiumTask,
        model: mujoco.MjModel | None,
        programs: Sequence[Program],
        seeds: Sequence[int],
        plan: Plan,
        backend: Backend,
        warm: InitialPolicy | None = None,
    ):
        """Set up member p with `programs[p]` and `seeds[p]` on `plan.worlds` worlds of `model` each.

        An environment named by its id brings a model of its own, if any: None.
        """
        self.task, self.plan, self.backend = task, plan, backend
        self.members = len(programs)
        self._device = backend.torch_device
        self.seeds = torch.tensor(list(seeds), dtype=torch.int64, device=self._device)
        self._model = model
        self.clocks = Clocks()
        self.notes: list[str] = []
        """What the user should know of how this went, in sentences."""
        self.env = self._worlds(self.seeds, plan.worlds, "train")
        self.env.reset()
        shape = Shape(self.env.observed, task.action_size, tuple(plan.learning.hidden), self.env.privileged)
        policy = Policy.create(shape, self.seeds, plan.learning.initial_std)
        self.learner = Learner(policy, plan.learning, plan.seed, backend.threads)
        if warm is not None:
            warm.give(self.learner)
        self.bank = ProgramBank(programs, plan.worlds)
        self._collector = self._collect_with(self.env)
        self._players: dict[str, PolicyPlayer] = {}
        self.alive = torch.ones(self.members, dtype=torch.bool, device=self._device)
        self.failures: list[Failed | None] = [None] * self.members
        self.iteration = 0
        self._curves = [CurveWriter(p.components) for p in programs]
        self._best = [-math.inf] * self.members
        self._best_at = [-1] * self.members
        self._best_policy = policy.flat.clone()
        self._best_moments = self.learner.observations.save()
        self._marks = plan.evaluation.marks(plan.iterations)

    def _worlds(self, seeds: Tensor, count: int, stream: str) -> Worlds:
        """`count` worlds for each of the seeds (P,)."""
        if not isinstance(self.task, Task):
            return self.task.open(seeds, count, stream)
        assert self._model is not None
        before = self.backend.compile_seconds
        physics = self.backend.open(self._model, len(seeds) * count)
        taken = self.backend.compile_seconds - before
        self.clocks.compile += taken
        if taken > 1.0:
            self.notes.append(f"simulator: {taken:.1f} s to compile or load kernels for {physics.num_worlds} worlds")
        return Env(self.task, physics, seeds, stream, static=self.backend.warp)

    def _collect_with(self, env: Worlds) -> Collector:
        policy, moments = self.learner.policy, self.learner.observations
        return Collector(env, policy, moments, self.bank, self.seeds, self.plan.learning.horizon, self.clocks)

    def run(
        self,
        on_progress: Callable[[TrainingProgress], None],
        on_checkpoint: Callable[[int], None],
        until: int | None = None,
    ) -> list[Outcome]:
        """Train to the end, and report; or to a rung of a race, and say how everybody would leave it there.

        Args:
            on_progress: called after every iteration.
            on_checkpoint: called after every evaluation with its number; `save` may be called there.
            until: the iteration to stop after, one of those with an evaluation; None for the end.
        """
        begun, end = self.iteration, until or self.plan.iterations
        while self.iteration < end and bool(self.alive.any()):
            self.iterate()
            steps = (self.iteration - begun) * self.members * self.steps_an_iteration
            if self.iteration in self._marks:
                start = time.perf_counter()
                self._checkpoint()
                written = time.perf_counter()
                self.clocks.evaluation += written - start
                on_checkpoint(self._marks.index(self.iteration))
                self.clocks.disk += time.perf_counter() - written
            best = [b if math.isfinite(b) else None for b in self._best]
            left = (end - self.iteration) * self.members * self.steps_an_iteration
            on_progress(TrainingProgress(self.iteration, end, steps, left, asdict(self.clocks), best))
        return self._report() if end == self.plan.iterations else [*self._standing()]

    def compile(self, states: dict[str, Tensor]) -> str | None:
        """Merge and compile the programs before the first iteration, on states (P * N, ...); the reason if not."""
        start = time.perf_counter()
        problem = self.bank.compile(states)
        self.clocks.compile = time.perf_counter() - start
        return problem

    @property
    def steps_an_iteration(self) -> int:
        """Training world-steps of one member between two updates."""
        return self.plan.worlds * self.plan.learning.horizon

    def iterate(self) -> None:
        """Collect one rollout and learn from it."""
        before = {name: value.clone() for name, value in self.env.save().items()} if self.backend.warp else {}
        rollout = self._collector.collect()
        while self._too_small(self.env):
            # Any world may have lost contacts: the rollout did not happen.
            self.bank.drain()
            self._grow()
            self.env = self._worlds(self.seeds, self.plan.worlds, "train")
            self.env.load(before)
            self._collector = self._collect_with(self.env)
            rollout = self._collector.collect()
        self._learn(rollout)
        self.iteration += 1

    def _too_small(self, env: Worlds) -> bool:
        """Whether the pool of contacts that all worlds share was; a member whose own rows were too few has failed."""
        if not self.backend.warp or not isinstance(env, Env):
            return False
        bits = env.physics.overflow()
        env.physics.clear_overflow()
        pool = ((bits & POOL_BITS) != 0).any()
        rows = ((bits & WORLD_BITS) != 0).reshape(self.members, -1).any(dim=1)
        shared, *own = torch.cat([pool[None], rows]).tolist()
        if not shared:
            for p in (p for p, too_few in enumerate(own) if too_few):
                self._fail(p, "its worlds met more constraints at once than the simulator has room for")
        return shared

    def _grow(self) -> None:
        sizes = self.backend.grow()
        self._players.clear()
        self.notes.append(f"the simulator's pool of contacts was too small; it has {sizes.nconmax} a world now")

    def _learn(self, rollout: Rollout) -> None:
        start = time.perf_counter()
        for p, statistics in enumerate(self.bank.drain()):
            if statistics.fault:
                self._fail(p, statistics.fault)
            self._curves[p].reward(statistics)
        diagnostics = self.learner.update(rollout, self.iteration, self.alive)
        for p, row in enumerate(self._vital_signs(rollout, diagnostics)):
            finite, kl, fitness, defined, length, episodes = row
            if not finite:
                self._fail(p, "the policy's parameters were no longer finite, perhaps for extreme rewards,")
            if not math.isfinite(kl):
                self._fail(p, "the KL divergence of an update was no longer finite, perhaps for extreme rewards,")
            if not defined:
                self._expect_finite(p)
            self._curves[p].update(kl, fitness, length, int(episodes))
        self.clocks.learning += time.perf_counter() - start

    def _vital_signs(self, rollout: Rollout, diagnostics: Diagnostics) -> list[list[float]]:
        """A row a member: parameters finite, KL, sum of the ended episodes' fitness, all finite, lengths, their number.

        One copy from the device for all of it.
        """
        ended = rollout.ended
        fitness = torch.where(ended, rollout.fitness, 0.0)
        signs = [
            self.learner.policy.flat.isfinite().all(dim=1),
            diagnostics.kl,
            fitness.double().sum((1, 2)),
            fitness.isfinite().all(2).all(1),
            torch.where(ended, rollout.length, 0).sum((1, 2)),
            ended.sum((1, 2)),
        ]
        return torch.stack([sign.double() for sign in signs], dim=1).tolist()

    def _fail(self, member: int, why: str) -> None:
        """Freeze a member; the first reason counts."""
        if self.failures[member] is None:
            at = (self.iteration + 1) * self.steps_an_iteration
            self.failures[member] = Failed(stage="train", message=f"{why} by training step {at}")
            self.alive[member] = False

    def _checkpoint(self) -> None:
        """Judge all policies, keep the best of each member, and close a segment of its curves."""
        fitness = self._judge(self.learner.policy, self.learner.observations, "selection").mean(dim=1)
        rates, deviations = self.learner.learning_rate.tolist(), self.learner.policy.std().mean((1, 2)).tolist()
        for p, score in enumerate(fitness.tolist()):
            self._curves[p].checkpoint(self.iteration * self.steps_an_iteration, score, rates[p], deviations[p])
            if self.failures[p] is None and score > self._best[p]:
                self._best[p], self._best_at[p] = score, self._marks.index(self.iteration)
                self._best_policy[p] = self.learner.policy.flat[p]
                for name, now in self.learner.observations.save().items():
                    if now.dim():
                        self._best_moments[name][p] = now[p]

    def points(self) -> list[dict[str, Any]]:
        """The newest point of every member's curves."""
        return [writer.point() for writer in self._curves]

    def _judge(self, policy: Policy, moments: RunningMoments, kind: str) -> Tensor:
        """(P, E) fitness on the episodes called `kind`, the same for all members and at every call."""
        player = self._player(policy, moments, kind)
        found = player.play()
        while self._too_small(player.env):
            self._grow()
            player = self._player(policy, moments, kind)
            found = player.play()
        for p, defined in enumerate(found.fitness.isfinite().all(dim=1).tolist()):
            if not defined:
                self._expect_finite(p)
        return found.fitness

    def _player(self, policy: Policy, moments: RunningMoments, kind: str) -> PolicyPlayer:
        if kind in self._players:
            return self._players[kind]
        settings = self.plan.evaluation
        episodes = settings.selection_episodes if kind == "selection" else settings.report_episodes
        seed = derive(self.plan.seed, self.plan.purpose, kind)
        seeds = torch.full((self.members,), seed, dtype=torch.int64, device=self._device)
        player = PolicyPlayer(self._worlds(seeds, episodes, f"{self.plan.purpose}/{kind}"), policy, moments)
        if self.backend.warp:
            self._players[kind] = player  # worlds and graph are dear to make there, and cheap to keep
        return player

    def _expect_finite(self, member: int) -> None:
        """A fitness that is no number is a broken policy's, or the task is at fault.

        Raises:
            UserError: it is the task.
        """
        if self.failures[member] is None:
            name = type(self.task).__name__
            raise UserError(f"{name}.fitness gave NaN or infinity for an episode; it must always be a finite number")

    def best(self) -> tuple[Policy, RunningMoments]:
        """The chosen checkpoint of every member, with the moments of its observations."""
        moments = RunningMoments(self.members, (self.learner.policy.shape.seen,), self._device)
        moments.load(self._best_moments)
        return Policy(self.learner.policy.shape, self._best_policy), moments

    def _standing(self) -> list[Dropped | Failed]:
        """What everybody would leave behind if it were dropped now."""
        diverged = self.env.diverged.reshape(self.members, -1).sum(dim=1).tolist()
        return [
            self.failures[p]
            or Dropped(
                curves=Curves(**self._curves[p].curves),
                best=self._best_at[p],
                selection=self._best[p],
                diverged=diverged[p],
                steps=self.iteration * self.steps_an_iteration,
            )
            for p in range(self.members)
        ]

    def _report(self) -> list[Outcome]:
        start = time.perf_counter()
        fitness = self._judge(*self.best(), "report").tolist()
        self.clocks.evaluation += time.perf_counter() - start
        return [
            Trained(**dict(left), report=mean(episodes), report_episodes=episodes)
            if isinstance(left, Dropped)
            else left
            for left, episodes in zip(self._standing(), fitness, strict=True)
        ]

    def save(self, path: Path) -> None:
        """Write everything that `load` needs to `path`, whole or not at all."""
        tensors = {f"env/{k}": v for k, v in self.env.save().items()}
        tensors |= {f"learner/{k}": v for k, v in self.learner.save().items()}
        tensors |= {f"best/{k}": v for k, v in self._best_moments.items()}
        tensors |= {"best/policy": self._best_policy, "alive": self.alive}
        record = {
            "iteration": self.iteration,
            "failures": [f.model_dump() if f else None for f in self.failures],
            "curves": [writer.curves for writer in self._curves],
            "best": [b if math.isfinite(b) else None for b in self._best],
            "best_at": self._best_at,
        }
        write_tensors(path, tensors, record)

    def load(self, sources: Sequence[tuple[Path, int]]) -> None:
        """Go on from files of `save`, all of the same iteration; member p is member i of the file of `sources[p]`."""
        files = {path: read_tensors(path, self._device) for path in {path for path, _ in sources}}
        first, record = files[sources[0][0]]
        assert all(of["iteration"] == record["iteration"] for _, of in files.values())
        # Counters are shared by all members and have no dimension; everything else leads with the members.
        mine = {
            name: torch.stack([files[path][0][name][i] for path, i in sources]) if value.dim() else value
            for name, value in first.items()
        }

        def part(prefix: str) -> dict[str, Tensor]:
            return {k.removeprefix(prefix): v for k, v in mine.items() if k.startswith(prefix)}

        self.env.load(part("env/"))
        self.learner.load(part("learner/"))
        best = part("best/")
        self._best_policy = best.pop("policy")
        self._best_moments = best
        self.alive = mine["alive"]
        self.iteration = record["iteration"]
        own = [{name: files[path][1][name][i] for name in _OWN} for path, i in sources]
        for writer, member in zip(self._curves, own, strict=True):
            writer.curves = member["curves"]
        self.failures = [Failed(**member["failures"]) if member["failures"] else None for member in own]
        self._best = [-math.inf if member["best"] is None else member["best"] for member in own]
        self._best_at = [member["best_at"] for member in own]
