"""Training of a population: P reward programs in one simulation, with checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

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
from eureka.rl.evaluation import EpisodeResults, PolicyPlayer
from eureka.rl.normalization import RunningMoments
from eureka.rl.policy import Policy, Shape
from eureka.rl.ppo import Diagnostics, Learner
from eureka.rl.rollout import Clocks, Collector, Rollout
from eureka.runs.candidate import Curves, Dropped, Failed, Outcome, Point, Trained
from eureka.runs.events import TrainingProgress
from eureka.system.seeds import derive
from eureka.task import Task

if TYPE_CHECKING:
    from eureka.envs.gymnasium.env import GymnasiumTask


_RUNNING = "rewards/running"
_PER_MEMBER = ("curves", "failures", "best", "best_at", "best_merit", "merit")
"""Entries of a checkpoint's record with one item per member."""


@dataclass(frozen=True)
class InitialPolicy:
    """A trained policy for a warm start, with its observation moments; its critic, of another reward, is not used."""

    policy: Policy
    moments: RunningMoments
    samples: int  # Number of observations that the moments count as, relative to later ones

    def apply_to(self, learner: Learner) -> None:
        """Copy the actor and the moments to every member."""
        if self.policy.shape != learner.policy.shape:
            raise UserError(
                "the given policy has other network sizes, observations or actions than this run; omit --policy or "
                "--warm-start, or set learning.hidden as in its run"
            )
        for name, value in self.policy.views.items():
            if not name.startswith("critic."):
                learner.policy.views[name].copy_(value.expand_as(learner.policy.views[name]))
        learner.observations.mean.copy_(self.moments.mean.expand_as(learner.observations.mean))
        learner.observations.var.copy_(self.moments.var.expand_as(learner.observations.var))
        learner.observations.count.fill_(self.samples)


class Training:
    """The training of P members; it can be resumed from the file of any checkpoint."""

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
        """Set up member p with `programs[p]` and `seeds[p]` on `plan.worlds` worlds.

        `model` is the compiled scene of the task; None for a Gymnasium environment.
        """
        self.task, self.plan, self.backend = task, plan, backend
        self.members = len(programs)
        self._device = backend.torch_device
        self.seeds = torch.tensor(list(seeds), dtype=torch.int64, device=self._device)
        self._model = model
        self.clocks = Clocks()
        self.notes: list[str] = []  # Notices for the user, as sentences
        self.env = self._worlds(self.seeds, plan.worlds, "train")
        self.env.reset()
        hidden, privileged = tuple(plan.learning.hidden), self.env.privileged
        choices = () if isinstance(task, Task) else task.actions.choices
        shape = Shape(self.env.actor_size, task.action_size, hidden, privileged, choices)
        policy = Policy.create(shape, self.seeds, plan.learning.initial_std)
        self.learner = Learner(policy, plan.learning, plan.seed, backend.threads)
        if warm is not None:
            warm.apply_to(self.learner)
        self.bank = ProgramBank(programs, plan.worlds, self._device)
        self._collector = self._collect_with(self.env)
        self._players: dict[str, PolicyPlayer] = {}
        self.alive = torch.ones(self.members, dtype=torch.bool, device=self._device)
        self.failures: list[Failed | None] = [None] * self.members
        self.iteration = 0
        self._curves = [CurveWriter(p.components) for p in programs]
        self._best = [-math.inf] * self.members
        self._best_at = [-1] * self.members
        self._best_merit: list[tuple[float, ...]] = [()] * self.members
        self._merit: list[tuple[float, ...]] = [()] * self.members  # at the last checkpoint
        self._best_policy = policy.flat.clone()
        self._best_moments = self.learner.observations.save()
        self._marks = plan.evaluation.marks(plan.iterations)
        self.stage_ends: Sequence[int] = plan.curriculum.ends(plan.iterations, {})
        """Iterations at which the stages but the last end, as far as they are known."""

    def _worlds(self, seeds: Tensor, count: int, stream: str) -> Worlds:
        """Make `count` worlds for each of the seeds (P,)."""
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
        """Train to the end and evaluate; or to a halving rung, and return the outcomes for stopping there.

        Args:
            on_progress: called after every iteration.
            on_checkpoint: called after every evaluation with its number; may call `save`.
            until: the iteration to stop after, which must have an evaluation; None for the end.
        """
        begun, end = self.iteration, until or self.plan.iterations
        while self.iteration < end and bool(self.alive.any()):
            self.iterate()
            steps = (self.iteration - begun) * self.members * self.steps_per_iteration
            if self.iteration in self._marks:
                start = time.perf_counter()
                self._checkpoint()
                written = time.perf_counter()
                self.clocks.evaluation += written - start
                on_checkpoint(self._marks.index(self.iteration))
                self.clocks.disk += time.perf_counter() - written
            best = [b if math.isfinite(b) else None for b in self._best]
            left = (end - self.iteration) * self.members * self.steps_per_iteration
            on_progress(TrainingProgress(self.iteration, end, steps, left, asdict(self.clocks), best))
        return self._report() if end == self.plan.iterations else [*self._stopped()]

    def compile(self, states: dict[str, Tensor]) -> str | None:
        """Merge and compile the programs before the first iteration, on states (P * N, ...); returns any problem."""
        start = time.perf_counter()
        problem = self.bank.compile(states)
        self.clocks.compile = time.perf_counter() - start
        return problem

    @property
    def steps_per_iteration(self) -> int:
        """World-steps of one member per iteration."""
        return self.plan.worlds * self.plan.learning.horizon

    def iterate(self) -> None:
        """Collect one rollout and update the policies."""
        self._set_parameters()
        before = {name: value.clone() for name, value in self.env.save().items()} if self.backend.warp else {}
        rollout = self._collector.collect()
        while self._overflowed(self.env):
            # Any world may have lost contacts: discard the rollout and repeat it.
            self.bank.drain()
            self._grow()
            self.env = self._worlds(self.seeds, self.plan.worlds, "train")
            self._set_parameters()
            self.env.load(before)
            self._collector = self._collect_with(self.env)
            rollout = self._collector.collect()
        self._learn(rollout)
        self.iteration += 1

    def _set_parameters(self) -> None:
        """The parameters of the stage; worlds for evaluation keep those of the end."""
        if isinstance(self.env, Env):
            stage = sum(end <= self.iteration for end in self.stage_ends)
            values = self.plan.curriculum.values(stage)
            progress = self.iteration / max(1, self.plan.iterations - 1)
            self.env.set_parameters({name: value.at(progress) for name, value in values.items()})

    def _overflowed(self, env: Worlds) -> bool:
        """Whether the shared contact pool overflowed; if not, members with overflown per-world buffers fail."""
        if not self.backend.warp or not isinstance(env, Env):
            return False
        bits = env.physics.overflow()
        env.physics.clear_overflow()
        pool = ((bits & POOL_BITS) != 0).any()
        rows = ((bits & WORLD_BITS) != 0).reshape(self.members, -1).any(dim=1)
        shared, *own = torch.cat([pool[None], rows]).tolist()
        if not shared:
            for p in (p for p, too_few in enumerate(own) if too_few):
                self._fail(p, "its worlds had more simultaneous constraints than the simulator has room for")
        return shared

    def _grow(self) -> None:
        sizes = self.backend.grow()
        self._players.clear()
        self.notes.append(f"the simulator's contact pool was too small; enlarged to {sizes.nconmax} per world")

    def _learn(self, rollout: Rollout) -> None:
        start = time.perf_counter()
        for p, statistics in enumerate(self.bank.drain((rollout.ended, rollout.fitness, rollout.length))):
            if statistics.fault:
                self._fail(p, statistics.fault)
            self._curves[p].reward(statistics)
        diagnostics = self.learner.update(rollout, self.iteration, self.alive)
        for p, row in enumerate(self._member_statistics(rollout, diagnostics)):
            finite, kl, fitness, defined, length, episodes = row
            if not finite:
                self._fail(p, "the policy's parameters became infinite or NaN, possibly from extreme rewards,")
            if not math.isfinite(kl):
                self._fail(p, "the KL divergence of an update became infinite or NaN, possibly from extreme rewards,")
            if not defined:
                self._reject(p, "fitness")
            self._curves[p].update(kl, fitness, length, int(episodes))
        self.clocks.learning += time.perf_counter() - start

    def _member_statistics(self, rollout: Rollout, diagnostics: Diagnostics) -> list[list[float]]:
        """Per member: parameters finite, KL, and of ended episodes fitness sum, all finite, length sum, count.

        All values are copied from the device at once.
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
        """Freeze a member; only its first failure is recorded."""
        if self.failures[member] is None:
            at = (self.iteration + 1) * self.steps_per_iteration
            self.failures[member] = Failed(stage="train", message=f"{why} by training step {at}")
            self.alive[member] = False

    def _checkpoint(self) -> None:
        """Evaluate all policies, keep each member's best, and add a point to its curves."""
        found = self._evaluate(self.learner.evaluated, self.learner.observations, "selection")
        fitness, metrics, self._merit = found.fitness.mean(dim=1), *self._metrics_of(found)
        rates, deviations = self.learner.learning_rate.tolist(), self.learner.action_std.tolist()
        for p, score in enumerate(fitness.tolist()):
            steps = self.iteration * self.steps_per_iteration
            self._curves[p].checkpoint(steps, score, metrics[p], rates[p], deviations[p])
            if self.failures[p] is None and (score, self._merit[p]) > (self._best[p], self._best_merit[p]):
                self._best[p], self._best_at[p] = score, self._marks.index(self.iteration)
                self._best_merit[p] = self._merit[p]
                self._best_policy[p] = self.learner.evaluated.flat[p]
                for name, now in self.learner.observations.save().items():
                    if now.dim():
                        self._best_moments[name][p] = now[p]

    def points(self) -> list[Point]:
        """The latest point of every member's curves."""
        return [writer.point() for writer in self._curves]

    def _metrics_of(self, found: EpisodeResults) -> tuple[list[dict[str, float]], list[tuple[float, ...]]]:
        """Of each member the mean of each metric, and its merit: the same, signed so that higher is better."""
        means = {name: values.mean(dim=1).tolist() for name, values in found.metrics.items()}
        each = [{name: of[p] for name, of in means.items()} for p in range(self.members)]
        signs = {m.name: 1.0 if m.better == "higher" else -1.0 for m in getattr(self.task, "metrics", ())}
        return each, [tuple(signs[name] * value for name, value in of.items()) for of in each]

    def _evaluate(self, policy: Policy, moments: RunningMoments, kind: str) -> EpisodeResults:
        """(P, E) on the `kind` episodes ("selection" or "report"), the same for all members and calls."""
        player = self._player(policy, moments, kind)
        found = player.play()
        while self._overflowed(player.env):
            self._grow()
            player = self._player(policy, moments, kind)
            found = player.play()
        for name, values in {"fitness": found.fitness, **found.metrics}.items():
            for p, defined in enumerate(values.isfinite().all(dim=1).tolist()):
                if not defined:
                    self._reject(p, name)
        return found

    def time_evaluation(self, steps: int) -> float:
        """Seconds of a world-step of evaluation on selection episodes, from `steps` control steps."""
        player = self._player(self.learner.policy, self.learner.observations, "selection")
        start = time.perf_counter()
        player.play(steps)
        return (time.perf_counter() - start) / (steps * self.members * self.plan.evaluation.selection_episodes)

    def _player(self, policy: Policy, moments: RunningMoments, kind: str) -> PolicyPlayer:
        if kind in self._players:
            return self._players[kind]
        settings = self.plan.evaluation
        episodes = settings.selection_episodes if kind == "selection" else settings.report_episodes
        seed = derive(self.plan.seed, self.plan.purpose, kind)
        seeds = torch.full((self.members,), seed, dtype=torch.int64, device=self._device)
        player = PolicyPlayer(self._worlds(seeds, episodes, f"{self.plan.purpose}/{kind}"), policy, moments)
        if self.backend.warp:
            self._players[kind] = player  # worlds and graphs are expensive to make there, and cheap to keep
        return player

    def _reject(self, member: int, what: str) -> None:
        """Handle a fitness or metric that is not finite.

        Raises:
            UserError: the member has not failed, so the task is at fault.
        """
        if self.failures[member] is None:
            name = type(self.task).__name__
            what = "fitness" if what == "fitness" else f"metric {what}"
            raise UserError(f"{name}: the {what} was NaN or infinite for an episode; make it finite in all states")

    def best(self) -> tuple[Policy, RunningMoments]:
        """The best checkpoint of every member, with its observation moments."""
        moments = RunningMoments(self.members, (self.learner.policy.shape.seen,), self._device)
        moments.load(self._best_moments)
        return Policy(self.learner.policy.shape, self._best_policy), moments

    def _stopped(self) -> list[Dropped | Failed]:
        """The outcome of every member if it were stopped now."""
        diverged = self.env.diverged.reshape(self.members, -1).sum(dim=1).tolist()
        return [
            self.failures[p]
            or Dropped(
                curves=Curves(**self._curves[p].curves),
                best=self._best_at[p],
                selection=self._best[p],
                diverged=diverged[p],
                steps=self.iteration * self.steps_per_iteration,
                merit=self._merit[p],
            )
            for p in range(self.members)
        ]

    def _report(self) -> list[Outcome]:
        start = time.perf_counter()
        found = self._evaluate(*self.best(), "report")
        fitness, (metrics, merits) = found.fitness.tolist(), self._metrics_of(found)
        self.clocks.evaluation += time.perf_counter() - start
        outcomes: list[Outcome] = []
        for p, left in enumerate(self._stopped()):
            if isinstance(left, Dropped):
                reported = {"report": mean(fitness[p]), "report_episodes": fitness[p]}
                left = Trained(**dict(left) | reported | {"metrics": metrics[p], "merit": merits[p]})
            outcomes.append(left)
        return outcomes

    def save(self, path: Path) -> None:
        """Write all state that `load` needs to `path`, atomically."""
        tensors = {f"env/{k}": v for k, v in self.env.save().items()}
        tensors |= {f"learner/{k}": v for k, v in self.learner.save().items()}
        tensors |= {f"best/{k}": v for k, v in self._best_moments.items()}
        tensors |= {"best/policy": self._best_policy, "alive": self.alive, _RUNNING: self.bank.running}
        record = {
            "iteration": self.iteration,
            "failures": [f.model_dump() if f else None for f in self.failures],
            "curves": [writer.curves for writer in self._curves],
            "best": [b if math.isfinite(b) else None for b in self._best],
            "best_at": self._best_at,
            "best_merit": self._best_merit,
            "merit": self._merit,
        }
        write_tensors(path, tensors, record)

    def load(self, sources: Sequence[tuple[Path, int]]) -> None:
        """Resume from files of `save`, all of one iteration; `sources[p]` is (path, i): member p was member i there."""
        files = {path: read_tensors(path, self._device) for path in {path for path, _ in sources}}
        first, record = files[sources[0][0]]
        self.bank.load([files[path][0][_RUNNING][i] for path, i in sources])
        assert all(of["iteration"] == record["iteration"] for _, of in files.values())
        # Counters are shared by all members and have no dimension; all other tensors have the leading axis P.
        mine = {
            name: torch.stack([files[path][0][name][i] for path, i in sources]) if value.dim() else value
            for name, value in first.items()
            if name != _RUNNING
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
        own = [{name: files[path][1][name][i] for name in _PER_MEMBER} for path, i in sources]
        for writer, member in zip(self._curves, own, strict=True):
            writer.curves = member["curves"]
        self.failures = [Failed(**member["failures"]) if member["failures"] else None for member in own]
        self._best = [-math.inf if member["best"] is None else member["best"] for member in own]
        self._best_at = [member["best_at"] for member in own]
        self._best_merit = [tuple(member["best_merit"]) for member in own]
        self._merit = [tuple(member["merit"]) for member in own]
