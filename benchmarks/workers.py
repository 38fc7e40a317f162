"""A generation through one trainer process, through two on the same cores, and through Ray: what does it cost?

    python benchmarks/workers.py

Eight cartpole candidates with the sizes of the preset cpu, a quarter as long (--share 1: all of it), evaluation and
checkpoints included, as `eureka run` trains them. All trainer processes are started before, and have trained before;
all ways are measured in each repeat, in turns, with all cores in each. The results of all are the same to the last
bit, and if they are not it says so and keeps nothing. Besides: seconds until a trainer process has described the task.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from record import about, finish, parser, rounded, spread
from trainings import compiled, setting

from eureka.config.options import DeviceOptions, Options
from eureka.config.tasks import LoadedTask
from eureka.experiment.options import resolve
from eureka.runs.candidate import Outcome
from eureka.runs.store import Run, create
from eureka.system.hardware import cores
from eureka.workers.cluster.executor import Cluster
from eureka.workers.executors import Executor, LocalExecutor
from eureka.workers.isolation import IsolationPolicy
from eureka.workers.pool import TrainerPool
from eureka.workers.recovery import TrainingRequest

CANDIDATES = 8
WAYS = ("one", "two", "ray")


def main() -> None:
    """Measure, print, and keep the result."""
    made = parser(__doc__)
    made.add_argument("--share", type=float, default=0.25, help="of the preset's steps")
    made.add_argument("--ways", nargs="+", default=WAYS, choices=WAYS, help="all if not given")
    options = made.parse_args()
    chosen = setting("cartpole", "cpu", cores())
    programs, _ = compiled(chosen.rewards(CANDIDATES), chosen.fields, not options.quick)
    settings = resolve(chosen.loaded, Options(device=DeviceOptions("cpu")))
    steps = settings.worlds * settings.learning.horizon * 2 if options.quick else int(settings.steps * options.share)
    evaluation = settings.evaluation.within(0 if options.quick else 0.25 * steps, chosen.task.horizon)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        sizes = {"steps": steps, "evaluation": evaluation}
        run = create(Path(folder) / "run", chosen.loaded, settings.model_copy(update=sizes), {})
        stack.callback(run.close)
        found = about("workers", *(["ray"] if "ray" in options.ways else []))
        found |= {"candidates": CANDIDATES, "steps": steps}
        finish(found | compared(run, chosen.loaded, programs, options, stack), options)


def compared(
    run: Run, task: LoadedTask, programs: list[str], options: argparse.Namespace, stack: contextlib.ExitStack
) -> dict[str, Any]:
    """Seconds of a generation by way, each repeat's ratio to one process, and seconds to start."""
    crews, starts, threads = {}, {}, {}
    for way in options.ways:
        begin = time.perf_counter()
        executor = opened(way, run, task)
        joined = time.perf_counter() - begin
        crews[way] = TrainerPool(executor, run.folder / "scratch")
        stack.callback(crews[way].close)
        _ = [trainer.description for trainer in crews[way].trainers]
        starts[way] = {"joined": rounded(joined), "described": rounded(time.perf_counter() - begin - joined)}
        threads[way] = executor.threads
        generation(run, crews[way], f"warm-{way}", programs)
    seconds: dict[str, list[float]] = {way: [] for way in options.ways}
    for repeat in range(1 if options.quick else options.repeats):
        outcomes = {}
        # Whoever comes after another way's work may find a warmer or a slower machine.
        for way in options.ways if repeat % 2 == 0 else reversed(options.ways):
            begin = time.perf_counter()
            outcomes[way] = generation(run, crews[way], f"{repeat}-{way}", programs)
            seconds[way].append(time.perf_counter() - begin)
        if any(outcome != outcomes[options.ways[0]] for outcome in outcomes.values()):
            sys.exit("error: the ways do not find the same")
    over = {
        way: spread([a / b for a, b in zip(seconds[way], seconds["one"], strict=True)])
        for way in options.ways
        if "one" in options.ways
    }
    return {
        "threads": threads,
        "start_seconds": starts,
        "seconds": {way: spread(s) for way, s in seconds.items()},
        "over_one": over,
    }


def opened(way: str, run: Run, task: LoadedTask) -> Executor:
    """The executor of a way."""
    folders = run.folder / "logs", run.folder / "scratch"
    if way == "ray":
        return Cluster(None, task, *folders, IsolationPolicy(), workers=1)
    return LocalExecutor(task, *folders, IsolationPolicy(), count=2 if way == "two" else 1)


def generation(run: Run, pool: TrainerPool, key: str, programs: list[str]) -> list[Outcome | None]:
    """Train all candidates once, under a name of its own in the journal."""
    places = [f"candidates/{key}/{m}.safetensors" for m in range(len(programs))]
    request = TrainingRequest(key, programs, [0] * len(programs), "search", places)
    return pool.train(run, request, lambda _: None)


if __name__ == "__main__":
    main()
