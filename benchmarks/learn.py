"""How fast a task is learned with its human reward, and how fast the parts of training run.

    python benchmarks/learn.py cartpole --members 8 --worlds 64
    python benchmarks/learn.py shadow_hand --worlds 512 --steps 15728640 --set hidden=256,256,128 --set kl_target=0.02
    python benchmarks/learn.py ant --members 3 --results

Prints one JSON object and appends it to benchmarks/history/learn.jsonl: the fitness of a random policy, the learning
curves, and world-steps a second of each part, apart. All members train on the same reward and differ in their seeds.
The trainer's own settings: one thread an operation, members spread over the cores. With --results the object is the
task's entry in docs/results too, and its picture there is drawn anew.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

import torch
from record import about, keep

from eureka.config.settings import Evaluation, Learning, Plan
from eureka.config.tasks import load_task
from eureka.envs.env import Env
from eureka.envs.introspection import RECORDED_WORLDS, load_class, random_states
from eureka.noise import Noise
from eureka.physics.backend import Backend
from eureka.physics.base import compile_scene
from eureka.physics.threads import ThreadPhysics
from eureka.rewards.compiler import Compiler
from eureka.rewards.program import Field, rebuild
from eureka.rl.training import Training
from eureka.runs.candidate import Failed
from eureka.runs.events import TrainingProgress
from eureka.runs.statistics import student
from eureka.system.hardware import cores
from eureka.system.seeds import derive
from eureka.task import Task
from eureka.workers.isolation import IsolationPolicy

RESULTS = Path(__file__).parents[1] / "docs" / "results"
CURVES = ("steps", "fitness", "training_fitness", "episode_length")


def random_fitness(task: Task, model: object, episodes: int, threads: int) -> list[float]:
    """Fitness of `episodes` episodes of uniformly random actions."""
    physics = ThreadPhysics(model, episodes, threads)
    env = Env(task, physics, torch.tensor([derive(0, "random")]), "benchmark")
    env.reset()
    fitness, running = torch.zeros(episodes), torch.ones(episodes, dtype=torch.bool)
    for step in range(task.horizon):
        noise = Noise(torch.arange(episodes), torch.tensor(step))
        result = env.step(noise.uniform("random", task.action_size, low=-1.0, high=1.0)[None])
        ended = running & (result.terminated | result.timed_out)[0]
        fitness = torch.where(ended, result.fitness[0], fitness)
        running &= ~ended
    return fitness.tolist()


def compiled(source: str, fields: dict[str, Field]) -> str:
    """A reward's program, by way of the sandbox."""
    with tempfile.TemporaryDirectory() as folder:
        compiler = Compiler(IsolationPolicy(), Path(folder) / "log")
        try:
            wanted = {name: (list(f.shape), f.dtype) for name, f in fields.items()}
            ((_, result),) = compiler.compile({0: source}, wanted)
        finally:
            compiler.close()
    if isinstance(result, Failed):
        sys.exit(f"error: {result}")
    return result


def learning_from(base: Learning, changes: list[str]) -> Learning:
    """PPO's settings with `name=value` changes; lists are written 256,128."""
    given = dict(change.split("=", 1) for change in changes)
    parsed = {k: [int(x) for x in v.split(",")] if k == "hidden" else v for k, v in given.items()}
    return Learning.model_validate(base.model_dump() | parsed)


def draw(record: dict[str, Any], path: Path) -> None:
    """The learning curves of all seeds, over what a random policy gets."""
    import matplotlib as mpl

    mpl.rcParams |= {"svg.hashsalt": "eureka", "svg.fonttype": "none", "font.family": "sans-serif"}
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(4.2, 2.6), layout="constrained")
    for number, curve in enumerate(record["curves"], 1):
        steps = [step / 1e6 for step in curve["steps"]]
        axes.plot(steps, curve["fitness"], linewidth=1.4, label=f"seed {number}")
    axes.axhspan(*record["random_interval"], color="0.6", linewidth=0)
    axes.axhline(record["random_fitness"], color="0.4", linewidth=1, linestyle=":", label="random policy")
    axes.set(xlabel="million world-steps of each seed", ylabel="fitness", title=record["task"])
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize="small")
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    plt.close(figure)


def main() -> None:
    """Parse, measure, print, append."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task")
    parser.add_argument("--reward", default="human", help="human or sparse")
    parser.add_argument("--members", type=int, default=1)
    parser.add_argument("--worlds", type=int, help="worlds of each member; the preset cpu's if not given")
    parser.add_argument("--steps", type=int, help="training world-steps of each member, likewise")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="change a PPO setting")
    parser.add_argument("--episodes", type=int, default=256, help="that the trained and the random policy play")
    parser.add_argument("--results", action="store_true", help="make this the task's entry in docs/results")
    parser.add_argument("--threads", type=int, default=cores())
    options = parser.parse_args()

    torch.set_num_threads(1)
    loaded = load_task(options.task)
    preset = loaded.preset("cpu")
    learning = learning_from(preset.learning, options.set)
    worlds, steps = options.worlds or preset.worlds, options.steps or preset.steps
    task = load_class(loaded, preset.curriculum)
    model = compile_scene(task.scene())
    physics = ThreadPhysics(model, RECORDED_WORLDS, options.threads)
    states = random_states(task, Env(task, physics, torch.zeros(1, dtype=torch.int64), "benchmark"))
    fields = {name: Field(tuple(v.shape[1:]), str(v.dtype).removeprefix("torch.")) for name, v in states.items()}
    program = rebuild(compiled(loaded.rewards[options.reward].read_text(), fields), fields, worlds)

    evaluation = Evaluation(checkpoints=10, selection_episodes=16, report_episodes=options.episodes)
    plan = Plan(
        worlds,
        max(1, steps // (worlds * learning.horizon)),
        learning,
        evaluation,
        0,
        "benchmark",
        curriculum=preset.curriculum,
    )
    seeds = [derive(0, "benchmark", i) for i in range(options.members)]
    training = Training(task, model, [program] * options.members, seeds, plan, Backend("cpu", options.threads))

    def report(progress: TrainingProgress) -> None:
        if progress.iteration % max(1, progress.iterations // 20) == 0:
            print(f"{progress.iteration}/{progress.iterations} best {progress.fitness}", file=sys.stderr, flush=True)

    start = time.perf_counter()
    outcomes = training.run(report, lambda _: None)
    seconds = time.perf_counter() - start
    clocks = asdict(training.clocks)
    done = options.members * training.iteration * training.steps_per_iteration
    trained = [o for o in outcomes if not isinstance(o, Failed)]
    by_chance = student(random_fitness(task, model, options.episodes, options.threads))
    record = about("learn") | {
        "threads": options.threads,
        "task": loaded.file.name,
        "reward": options.reward,
        "members": options.members,
        "worlds": worlds,
        "steps": plan.iterations * training.steps_per_iteration,
        "learning": learning.model_dump(mode="json"),
        "seconds": {**{k: round(v, 2) for k, v in clocks.items()}, "whole": round(seconds, 2)},
        "world_steps_per_second": {
            "env": round(done / clocks["env"]),
            "policy": round(done / clocks["policy"]),
            "learning": round(done / clocks["learning"]),
            "training": round(done / (clocks["env"] + clocks["policy"] + clocks["learning"])),
        },
        "episodes": options.episodes,
        "random_fitness": by_chance.mean,
        "random_interval": [by_chance.low, by_chance.high],
        "report_fitness": [o.report for o in trained],
        "curves": [o.curves.model_dump(include=set(CURVES)) for o in trained],
    }
    keep(record)
    if options.results:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{loaded.file.name}.json").write_text(json.dumps(record, indent=1) + "\n")
        draw(record, RESULTS / f"{loaded.file.name}.svg")
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
