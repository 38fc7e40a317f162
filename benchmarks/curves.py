"""Learning curves of our training against rsl_rl's own, on our environment with equal settings.

    python benchmarks/curves.py                            # cartpole and quadcopter, five seeds each
    python benchmarks/curves.py ball_balance --seeds 10 --steps 500000

Prints one JSON object, appends it to benchmarks/history/curves.jsonl and draws docs/results/rsl_rl.svg. Both learn from
the task's human reward with the settings of its preset cpu, in worlds that begin alike, and are judged after the same
iterations on the same episodes, by mean actions. `benchmarks/peers/rsl.py` says what is not equal. Each trains twice:

- as it is;
- `alike`: ours without normalising returns, rsl_rl limiting the gradients of actor and critic together. Of all that
  differs, trials of ours with rsl_rl's ways, on these same seeds, had shown these two in the curves of quadcopter.

A difference is within noise where its Welch interval (95 %) has 0 in it: of the mean over all checkpoints, which is
how fast and how well a seed learned, and of the last checkpoint. Intervals at each checkpoint are given for the
picture; of ten of them one may well exclude 0 by chance.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

import mujoco
import torch
from learn import RESULTS, compiled
from peers.rsl import Peer
from record import about, keep
from torch import Tensor

from eureka.config.settings import Evaluation, Plan
from eureka.config.tasks import load_task
from eureka.envs.env import Env
from eureka.envs.introspection import RECORDED_WORLDS, load_class, random_states
from eureka.physics.backend import Backend
from eureka.physics.base import compile_scene
from eureka.physics.threads import ThreadPhysics
from eureka.rewards.program import Field, Program, ProgramBank, rebuild
from eureka.rl.evaluation import PolicyPlayer
from eureka.rl.training import Training
from eureka.runs.candidate import Failed
from eureka.runs.statistics import student, welch
from eureka.system.hardware import cores
from eureka.system.seeds import derive
from eureka.task import Task

Curve = list[float]
"""Fitness at each checkpoint."""
PAIRS = {"as_they_are": ("ours", "rsl_rl"), "alike": ("ours_alike", "rsl_rl_alike")}
LABELS = {
    "ours": "this project",
    "rsl_rl": "rsl_rl",
    "ours_alike": "this project, returns not normalised",
    "rsl_rl_alike": "rsl_rl, gradients limited together",
}


@dataclass(frozen=True)
class Course:
    """What both sides are given."""

    task: Task
    model: mujoco.MjModel
    program: Program
    plan: Plan
    seeds: list[int]
    threads: int

    def env(self, seed: int, worlds: int, stream: str) -> Env:
        """Worlds of one member, as `Training` makes them."""
        return Env(self.task, ThreadPhysics(self.model, worlds, self.threads), torch.tensor([seed]), stream)


class Unchanged:
    """In the place of moments, for a network that normalises for itself."""

    def normalize(self, samples: Tensor, limit: float) -> Tensor:
        """`samples`."""
        return samples


def prepare(name: str, seeds: int, steps: int | None, episodes: int, threads: int) -> Course:
    """A shipped task with its human reward, compiled in the sandbox."""
    loaded = load_task(name)
    preset = loaded.preset("cpu")
    task = load_class(loaded, preset.curriculum)
    model = compile_scene(task.scene())
    physics = ThreadPhysics(model, RECORDED_WORLDS, threads)
    states = random_states(task, Env(task, physics, torch.zeros(1, dtype=torch.int64), "benchmark"))
    fields = {name: Field(tuple(v.shape[1:]), str(v.dtype).removeprefix("torch.")) for name, v in states.items()}
    program = rebuild(compiled(loaded.rewards["human"].read_text(), fields), fields, preset.worlds)
    iterations = max(1, (steps or preset.steps) // (preset.worlds * preset.learning.horizon))
    evaluation = Evaluation(checkpoints=10, selection_episodes=episodes, report_episodes=1)
    plan = Plan(preset.worlds, iterations, preset.learning, evaluation, 0, "benchmark", curriculum=preset.curriculum)
    return Course(task, model, program, plan, [derive(0, "benchmark", i) for i in range(seeds)], threads)


def our_curves(course: Course, alike: bool) -> tuple[list[int], list[Curve]]:
    """World-steps of a seed at each checkpoint, and each seed's curve: all seeds train as one population."""
    count = len(course.seeds)
    backend = Backend("cpu", course.threads)
    training = Training(course.task, course.model, [course.program] * count, course.seeds, course.plan, backend)
    if alike:
        # Moments of so many samples that no other changes them.
        zeros, many = torch.zeros(count, dtype=torch.float64), torch.tensor(1e30, dtype=torch.float64)
        training.learner.values.load({"mean": zeros, "var": zeros + 1.0, "count": many})
    curves = []
    for outcome in training.run(lambda _: None, lambda _: None):
        if isinstance(outcome, Failed):
            sys.exit(f"error: {outcome}")
        curves.append(outcome.curves)
    return curves[0].steps, [curve.fitness for curve in curves]


def their_curve(course: Course, seed: int, marks: list[int], alike: bool) -> Curve:
    """Of one seed's training by rsl_rl, judged when it has made as many world-steps as `marks` say."""
    plan = course.plan
    settings = plan.evaluation
    episodes = derive(plan.seed, plan.purpose, "selection")
    bank = ProgramBank([course.program], plan.worlds)
    env = course.env(seed, plan.worlds, "train")
    peer = Peer(env, bank, plan.learning, seed % 2**32, together=alike)
    curve = []
    for iteration in peer.learn(plan.iterations):
        if iteration.steps in marks:
            judge = course.env(episodes, settings.selection_episodes, f"{plan.purpose}/selection")
            curve.append(float(PolicyPlayer(judge, peer, Unchanged()).play().fitness.mean()))
    return curve


def compare(course: Course, name: str) -> dict[str, Any]:
    """The curves of all, and how far apart they are."""
    found: dict[str, Any] = {}
    for pair, (ours, theirs) in PAIRS.items():
        alike = pair == "alike"
        steps, curves = our_curves(course, alike)
        found |= {"steps": steps, ours: with_intervals(curves)}
        print(f"{name}: {ours}", file=sys.stderr, flush=True)
        peers = [their_curve(course, seed, steps, alike) for seed in course.seeds]
        found |= {theirs: with_intervals(peers), pair: differences(curves, peers)}
        print(f"{name}: {theirs}", file=sys.stderr, flush=True)
    return found


def with_intervals(curves: list[Curve]) -> dict[str, Any]:
    """Curves with the interval of their mean at each checkpoint."""
    columns = zip(*curves, strict=True)
    return {"fitness": curves, "intervals": [student(column).model_dump() for column in columns]}


def differences(ours: list[Curve], theirs: list[Curve]) -> dict[str, Any]:
    """How far two sets of curves are apart: in the mean over checkpoints, at the last, and at each."""
    columns = list(zip(zip(*ours, strict=True), zip(*theirs, strict=True), strict=True))
    means = [[statistics.fmean(curve) for curve in curves] for curves in (ours, theirs)]
    return {
        "mean_over_checkpoints": verdict(*means),
        "last_checkpoint": verdict(*columns[-1]),
        "checkpoints": [welch(a, b).model_dump() for a, b in columns],
    }


def verdict(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, Any]:
    """Intervals of both and of the difference."""
    difference = welch(ours, theirs)
    return {
        "ours": student(ours).model_dump(),
        "rsl_rl": student(theirs).model_dump(),
        "difference": difference.model_dump(),
        "within_noise": difference.low <= 0.0 <= difference.high,
    }


def draw(record: dict[str, Any], path: Path) -> None:
    """Means and intervals: a column a task, a row a pair."""
    import matplotlib as mpl

    mpl.rcParams |= {"svg.hashsalt": "eureka", "svg.fonttype": "none", "font.family": "sans-serif"}
    from matplotlib import pyplot as plt

    tasks = record["tasks"]
    size = {"figsize": (4.2 * len(tasks), 5.2), "layout": "constrained", "squeeze": False, "sharex": "col"}
    figure, panels = plt.subplots(len(PAIRS), len(tasks), **size)
    for column, (name, found) in enumerate(tasks.items()):
        steps = [step / 1e6 for step in found["steps"]]
        reached = [fitness for who in LABELS for curve in found[who]["fitness"] for fitness in curve]
        margin = 0.05 * (max(reached) - min(reached))
        for axes, pair in zip(panels[:, column], PAIRS.values(), strict=True):
            for who, colour in zip(pair, ("#0072b2", "#d55e00"), strict=True):
                intervals = found[who]["intervals"]
                low, high = [i["low"] for i in intervals], [i["high"] for i in intervals]
                axes.plot(steps, [i["mean"] for i in intervals], color=colour, linewidth=1.4, label=LABELS[who])
                axes.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)
            # An interval of five seeds may reach further than fitness can.
            axes.set(ylabel="fitness", ylim=(min(reached) - margin, max(reached) + margin))
            axes.spines[["top", "right"]].set_visible(False)
        panels[0][column].set_title(name)
        panels[-1][column].set_xlabel("million world-steps of each seed")
    for row in panels:
        row[0].legend(frameon=False, fontsize="small", loc="lower right")
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    plt.close(figure)


def main() -> None:
    """Parse, train both, print, append, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", default=["cartpole", "quadcopter"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, help="training world-steps of each seed; the preset cpu's if not given")
    parser.add_argument("--episodes", type=int, default=32, help="that are played at a checkpoint")
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument("--out", type=Path, default=RESULTS / "rsl_rl.svg", help="where the picture goes")
    parser.add_argument("--no-history", action="store_true", help="do not add to benchmarks/history")
    options = parser.parse_args()

    torch.set_num_threads(1)
    record = about("curves")
    record["versions"]["rsl-rl-lib"] = version("rsl-rl-lib")
    record |= {"seeds": options.seeds, "episodes": options.episodes, "tasks": {}}
    for name in options.tasks:
        course = prepare(name, options.seeds, options.steps, options.episodes, options.threads)
        plan = course.plan
        sizes = {"worlds": plan.worlds, "learning": plan.learning.model_dump(mode="json")}
        record["tasks"][name] = sizes | compare(course, name)
    if not options.no_history:
        keep(record)
    draw(record, options.out)
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
