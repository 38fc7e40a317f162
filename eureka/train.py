"""K programs in, K training records out: one population, one simulation, checkpoints on the way."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import mujoco
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from eureka.candidate import Curves, Failed, Outcome, Trained
from eureka.config import Evaluation, Learning
from eureka.env import Env, Worlds
from eureka.errors import UserError
from eureka.evaluate import play
from eureka.physics.threads import ThreadPhysics
from eureka.rewards.program import ComponentStatistics, Program, ProgramBank
from eureka.rl.normalize import RunningMoments
from eureka.rl.policy import Policy, Shape
from eureka.rl.ppo import Learner
from eureka.rl.rollout import Clocks, Rollout, Sampler, collect
from eureka.seeds import derive
from eureka.store import write_whole
from eureka.task import Task

if TYPE_CHECKING:
    from eureka.environments.env import ById


@dataclass(frozen=True)
class Plan:
    """What to train, the same for all members."""

    worlds: int
    iterations: int
    learning: Learning
    evaluation: Evaluation
    seed: int
    """The run's seed: decides evaluation episodes and the dealing of minibatches."""
    purpose: str
    """`search` or `final`: the two draw unrelated episodes."""
    compiled: bool = False
    """Whether the programs are to be merged and compiled."""


@dataclass(frozen=True)
class Progress:
    """Where a training is, for people to read."""

    iteration: int
    iterations: int
    steps: int
    """World-steps so far, of all members, in this process."""
    steps_left: int
    """World-steps until the end, of all members."""
    clocks: Clocks
    fitness: list[float | None]
    """Each member's best selection fitness so far."""


@dataclass
class _Segment:
    """What is gathered for each member between two checkpoints."""

    totals: list[float] = field(default_factory=list)
    components: dict[str, list[float]] = field(default_factory=dict)
    least: dict[str, float] = field(default_factory=dict)
    greatest: dict[str, float] = field(default_factory=dict)
    kl: list[float] = field(default_factory=list)
    fitness: float = 0.0
    length: float = 0.0
    episodes: int = 0


class Training:
    """The training of P members; `run` may be left at any checkpoint and gone on with from its file."""

    def __init__(
        self,
        task: Task | ById,
        model: mujoco.MjModel | None,
        programs: Sequence[Program],
        seeds: Sequence[int],
        plan: Plan,
        threads: int,
    ):
        """Set up member p with `programs[p]` and `seeds[p]` on `plan.worlds` worlds of `model` each.

        An environment named by its id brings a model of its own, if any: None.
        """
        self.task, self.plan = task, plan
        self.members = len(programs)
        self.seeds = torch.tensor(list(seeds), dtype=torch.int64)
        self._model, self._threads = model, threads
        self.env = self._worlds(self.seeds, plan.worlds, "train")
        shape = Shape(self.env.reset().shape[-1], task.action_size, tuple(plan.learning.hidden))
        policy = Policy.create(shape, self.seeds, plan.learning.initial_std)
        self.learner = Learner(policy, plan.learning, plan.seed, threads)
        self.sampler = Sampler(self.seeds, plan.worlds, task.action_size)
        self.bank = ProgramBank(programs, plan.worlds)
        self.alive = torch.ones(self.members, dtype=torch.bool)
        self.failures: list[Failed | None] = [None] * self.members
        self.iteration = 0
        self.clocks = Clocks()
        self._curves = [_empty_curves(p.components) for p in programs]
        self._segments = [_Segment() for _ in programs]
        self._best = [-math.inf] * self.members
        self._best_at = [-1] * self.members
        self._best_policy = policy.flat.clone()
        self._best_moments = self.learner.observations.save()
        self._marks = _checkpoint_marks(plan.iterations, plan.evaluation.checkpoints)

    def _worlds(self, seeds: Tensor, count: int, stream: str) -> Worlds:
        """`count` worlds for each of the seeds (P,)."""
        if not isinstance(self.task, Task):
            return self.task.open(seeds, count, stream)
        assert self._model is not None
        return Env(self.task, ThreadPhysics(self._model, len(seeds) * count, self._threads), seeds, stream)

    def run(self, on_progress: Callable[[Progress], None], on_checkpoint: Callable[[int], None]) -> list[Outcome]:
        """Train to the end, and report.

        Args:
            on_progress: called after every iteration.
            on_checkpoint: called after every evaluation with its number; `save` may be called there.
        """
        begun = self.iteration
        while self.iteration < self.plan.iterations and bool(self.alive.any()):
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
            left = (self.plan.iterations - self.iteration) * self.members * self.steps_an_iteration
            on_progress(Progress(self.iteration, self.plan.iterations, steps, left, self.clocks, best))
        return self._report()

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
        policy, moments, horizon = self.learner.policy, self.learner.observations, self.plan.learning.horizon
        rollout = collect(self.env, policy, moments, self.sampler, self.bank, horizon, self.clocks)
        self._learn(rollout)
        self.iteration += 1

    def _learn(self, rollout: Rollout) -> None:
        start = time.perf_counter()
        for p, statistics in enumerate(self.bank.drain()):
            if statistics.fault:
                self._fail(p, statistics.fault)
            self._gather(self._segments[p], statistics)
        diagnostics = self.learner.update(rollout, self.iteration, self.alive)
        for p in (~self.learner.policy.flat.isfinite().all(dim=1)).nonzero().flatten().tolist():
            self._fail(p, "the policy's parameters were no longer finite, perhaps for extreme rewards,")
        for p, segment in enumerate(self._segments):
            kl = float(diagnostics.kl[p])
            if not math.isfinite(kl):
                self._fail(p, "the KL divergence of an update was no longer finite, perhaps for extreme rewards,")
            segment.kl.append(kl)
            ended = rollout.ended[p]
            fitness = torch.where(ended, rollout.fitness[p], 0.0)
            self._expect_finite(p, fitness)
            segment.fitness += float(fitness.double().sum())
            segment.length += float(torch.where(ended, rollout.length[p], 0).sum())
            segment.episodes += int(ended.sum())
        self.clocks.learning += time.perf_counter() - start

    def _fail(self, member: int, why: str) -> None:
        """Freeze a member; the first reason counts."""
        if self.failures[member] is None:
            at = (self.iteration + 1) * self.steps_an_iteration
            self.failures[member] = Failed(stage="train", message=f"{why} by training step {at}")
            self.alive[member] = False

    def _gather(self, segment: _Segment, statistics: ComponentStatistics) -> None:
        segment.totals.append(statistics.total)
        for name, value in statistics.components.items():
            segment.components.setdefault(name, []).append(value)
            segment.least[name] = min(segment.least.get(name, math.inf), statistics.least[name])
            segment.greatest[name] = max(segment.greatest.get(name, -math.inf), statistics.greatest[name])

    def _checkpoint(self) -> None:
        """Judge all policies, keep the best of each member, and close a segment of its curves."""
        fitness = self._judge(self.learner.policy, self.learner.observations, "selection").mean(dim=1)
        for p in range(self.members):
            curves, segment = self._curves[p], self._segments[p]
            score = float(fitness[p])
            curves["steps"].append(self.iteration * self.steps_an_iteration)
            curves["fitness"].append(score)
            curves["training_fitness"].append(segment.fitness / segment.episodes if segment.episodes else None)
            curves["episode_length"].append(segment.length / segment.episodes if segment.episodes else None)
            curves["total"].append(_mean(segment.totals))
            for name in curves["components"]:
                curves["components"][name].append(_mean(segment.components[name]))
                curves["least"][name].append(segment.least[name])
                curves["greatest"][name].append(segment.greatest[name])
            curves["kl"].append(_mean(segment.kl))
            curves["learning_rate"].append(float(self.learner.learning_rate[p]))
            curves["action_std"].append(float(self.learner.policy.std()[p].mean()))
            self._segments[p] = _Segment()
            if self.failures[p] is None and score > self._best[p]:
                self._best[p], self._best_at[p] = score, len(curves["fitness"]) - 1
                self._best_policy[p] = self.learner.policy.flat[p]
                for name, now in self.learner.observations.save().items():
                    if now.dim():
                        self._best_moments[name] = self._best_moments[name].clone()
                        self._best_moments[name][p] = now[p]

    def _judge(self, policy: Policy, moments: RunningMoments, kind: str) -> Tensor:
        """(P, E) fitness on the episodes called `kind`, the same for all members and at every call."""
        settings = self.plan.evaluation
        episodes = settings.selection_episodes if kind == "selection" else settings.report_episodes
        seed = derive(self.plan.seed, self.plan.purpose, kind)
        seeds = torch.full((self.members,), seed, dtype=torch.int64)
        fitness = play(self._worlds(seeds, episodes, f"{self.plan.purpose}/{kind}"), policy, moments).fitness
        for p, of_member in enumerate(fitness):
            self._expect_finite(p, of_member)
        return fitness

    def _expect_finite(self, member: int, fitness: Tensor) -> None:
        """Fitness has to be a number, unless a policy is broken.

        Raises:
            UserError: it is not; the task is at fault.
        """
        if self.failures[member] is None and not bool(fitness.isfinite().all()):
            name = type(self.task).__name__
            raise UserError(f"{name}.fitness gave NaN or infinity for an episode; it must always be a finite number")

    def best(self) -> tuple[Policy, RunningMoments]:
        """The chosen checkpoint of every member, with the moments of its observations."""
        moments = RunningMoments(self.members, (self.learner.policy.shape.observation,), self.seeds.device)
        moments.load(self._best_moments)
        return Policy(self.learner.policy.shape, self._best_policy), moments

    def _report(self) -> list[Outcome]:
        start = time.perf_counter()
        fitness = self._judge(*self.best(), "report")
        self.clocks.evaluation += time.perf_counter() - start
        diverged = self.env.diverged.reshape(self.members, -1).sum(dim=1).tolist()
        outcomes: list[Outcome] = []
        for p in range(self.members):
            failure = self.failures[p]
            if failure is not None:
                outcomes.append(failure)
                continue
            episodes = fitness[p].tolist()
            outcomes.append(
                Trained(
                    curves=Curves(**self._curves[p]),
                    best=self._best_at[p],
                    selection=self._best[p],
                    report=_mean(episodes),
                    report_episodes=episodes,
                    diverged=diverged[p],
                    steps=self.iteration * self.steps_an_iteration,
                )
            )
        return outcomes

    def save(self, path: Path) -> None:
        """Write everything that `load` needs to `path`, whole or not at all."""
        tensors = {f"env/{k}": v for k, v in self.env.save().items()}
        tensors |= {f"learner/{k}": v for k, v in self.learner.save().items()}
        tensors |= {f"best/{k}": v for k, v in self._best_moments.items()}
        tensors |= {"best/policy": self._best_policy, "alive": self.alive}
        record = {
            "iteration": self.iteration,
            "failures": [f.model_dump() if f else None for f in self.failures],
            "curves": self._curves,
            "best": [b if math.isfinite(b) else None for b in self._best],
            "best_at": self._best_at,
        }
        write_tensors(path, tensors, record)

    def load(self, path: Path, chosen: Sequence[int]) -> None:
        """Go on from a file of `save`; member p of this training is member `chosen[p]` of that one."""
        tensors, record = read_tensors(path)
        index = torch.tensor(list(chosen))
        # Counters are shared by all members and have no dimension; everything else leads with the members.
        mine = {name: value.index_select(0, index) if value.dim() else value for name, value in tensors.items()}

        def part(prefix: str) -> dict[str, Tensor]:
            return {k.removeprefix(prefix): v for k, v in mine.items() if k.startswith(prefix)}

        self.env.load(part("env/"))
        self.learner.load(part("learner/"))
        best = part("best/")
        self._best_policy = best.pop("policy")
        self._best_moments = best
        self.alive = mine["alive"]
        self.iteration = record["iteration"]
        self._curves = [record["curves"][i] for i in chosen]
        self.failures = [Failed(**record["failures"][i]) if record["failures"][i] else None for i in chosen]
        self._best = [-math.inf if record["best"][i] is None else record["best"][i] for i in chosen]
        self._best_at = [record["best_at"][i] for i in chosen]


def save_policies(training: Training, paths: Sequence[Path]) -> None:
    """Write the chosen policy of each member to a file of its own: parameters by name, and observation moments."""
    policy, moments = training.best()
    for p, path in enumerate(paths):
        tensors = {name: view[p].clone() for name, view in policy.views.items()}
        tensors |= {"observation.mean": moments.mean[p].clone(), "observation.var": moments.var[p].clone()}
        shape = policy.shape
        record = {"observation": shape.observation, "action": shape.action, "hidden": list(shape.hidden)}
        write_tensors(path, tensors, record)


def write_tensors(path: Path, tensors: dict[str, Tensor], record: object) -> None:
    """A safetensors file with a JSON record, written whole or not at all."""
    # A task's memory may hold the very tensor that the environment keeps too; safetensors wants each alone.
    own = {name: value.clone(memory_format=torch.contiguous_format) for name, value in tensors.items()}
    write_whole(path, save(own, metadata={"record": json.dumps(record)}))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict]:
    """What `write_tensors` wrote."""
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        return tensors, json.loads(file.metadata()["record"])


def _empty_curves(components: Sequence[str]) -> dict:
    single = ("steps", "fitness", "training_fitness", "episode_length", "total", "kl", "learning_rate", "action_std")
    by_component = ("components", "least", "greatest")
    return {name: [] for name in single} | {name: {c: [] for c in components} for name in by_component}


def _checkpoint_marks(iterations: int, checkpoints: int) -> list[int]:
    """The iterations after which policies are judged: evenly spread, the last one included."""
    count = min(iterations, checkpoints)
    return [math.ceil(iterations * (k + 1) / count) for k in range(count)]


def _mean(values: Sequence[float]) -> float:
    if not all(map(math.isfinite, values)):
        return math.nan  # of a member that has failed
    return math.fsum(values) / len(values)
