"""K rewards trained as one population in one process, against K trainings one after another and K processes at once.

    python benchmarks/population.py
    python benchmarks/population.py --memory shadow_hand

Cartpole with the sizes of its preset, a quarter as long (--share 1: all of it), under rewards as the built-in search
proposes them; beyond eight they come again. All K are measured in each repeat, in turns. One after another is the sum
of trainings with P = 1 in one warm process that has all threads; the processes at once are as warm, have one thread
each (all if it is one process), and begin at the same moment. With --memory only the peak memory of a process is
measured that trains 16 candidates of 256 worlds each on a task.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import sys
import time
from typing import Any

import torch
from contest import Contestant
from record import about, finish, parser, peak_mib, rounded, spread
from trainings import Setting, compiled, setting

from eureka.config.settings import Evaluation, Learning

SIZES = (1, 2, 4, 8, 16)
WAYS = ("one", "sequential", "processes")
DISTINCT = 8
"""Rewards; of so many, each trains alone in each repeat."""
CANDIDATES, WORLDS = 16, 256
SHORT = 8
"""Control steps of an episode where only memory is looked at, which does not depend on it."""


def main() -> None:
    """Measure, print, and keep the result."""
    made = parser(__doc__)
    made.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="K")
    made.add_argument("--share", type=float, default=0.25, help="of the preset's steps and evaluation, for a training")
    made.add_argument("--worlds", type=int, help="of each training, likewise")
    made.add_argument("--ways", nargs="+", default=WAYS, choices=WAYS, help="one always; all if not given")
    made.add_argument("--memory", metavar="TASK", help="only train on this task, for the memory that it takes")
    options = made.parse_args()
    common = {"device": options.device, "threads": options.threads}
    if options.memory:
        task = setting(options.memory, options.device, options.threads)
        finish(about("memory") | common | memory(task, *((2, 16) if options.quick else (CANDIDATES, WORLDS))), options)
        return
    chosen = setting("cartpole", options.device, options.threads)
    sizes = [2] if options.quick else list(options.sizes)
    programs, seconds = compiled(chosen.rewards(min(DISTINCT, max(sizes))), chosen.fields, not options.quick)
    found = about("population") | common | {"compile_seconds": rounded(seconds)}
    finish(found | walls(chosen, programs, sizes, options), options)


def walls(chosen: Setting, programs: list[str], sizes: list[int], options: argparse.Namespace) -> dict[str, Any]:
    """Seconds of whole trainings, evaluation included, for every K."""
    preset = chosen.preset
    repeats = 1 if options.quick else max(5, options.repeats)
    worlds = preset.worlds if options.quick or not options.worlds else options.worlds
    share = 2 / preset.iterations if options.quick else options.share

    def part(whole: int) -> int:
        return max(1, round(share * whole))

    evaluation = preset.evaluation.model_copy(
        update={
            "checkpoints": part(preset.evaluation.checkpoints),
            "report_episodes": part(preset.evaluation.report_episodes),
        }
    )
    iterations = part(preset.iterations)
    given = {
        "kind": "whole",
        "task": chosen.name,
        "worlds": worlds,
        "iterations": iterations,
        "learning": preset.learning.model_dump(mode="json"),
        "evaluation": evaluation.model_dump(mode="json"),
        "device": options.device,
    }
    ways: dict[str, dict[int, list[float]]] = {
        way: {k: [] for k in sizes} for way in WAYS if way in ("one", *options.ways)
    }
    with contextlib.ExitStack() as stack:
        warm = stack.enter_context(Contestant("warm", **given, threads=options.threads))
        many = max(sizes) if "processes" in ways else 0
        crowd = [stack.enter_context(Contestant(f"process {i}", **given, threads=1)) for i in range(many)]
        for contestant in (warm, *crowd):
            contestant.ask(train=programs[:1], iterations=1)
        for i in range(repeats):
            alone = [warm.ask(train=[program])["seconds"] for program in programs if "sequential" in ways]
            for k in sizes[i % len(sizes) :] + sizes[: i % len(sizes)]:
                trained = list(itertools.islice(itertools.cycle(programs), k))
                ways["one"][k].append(warm.ask(train=trained)["seconds"])
                if alone:
                    ways["sequential"][k].append(sum(itertools.islice(itertools.cycle(alone), k)))
                if crowd:
                    ways["processes"][k].append(_at_once([warm] if k == 1 else crowd[:k], trained))
            print(f"repeat {i + 1} of {repeats}: {ways}", file=sys.stderr, flush=True)
        memory = {"one": warm.memory_mib, "each_process": max((c.memory_mib for c in crowd), default=None)}
    steps = worlds * preset.learning.horizon * iterations
    return {
        "task": chosen.name,
        "worlds": worlds,
        "iterations": iterations,
        "steps": steps,
        "evaluation": given["evaluation"],
        "learning": given["learning"],
        "repeats": repeats,
        "seconds": {way: {k: spread(of) for k, of in by.items()} for way, by in ways.items()},
        "over_one": {
            way: {k: spread([a / b for a, b in zip(of, ways["one"][k], strict=True)]) for k, of in ways[way].items()}
            for way in ways
            if way != "one"
        },
        "times_one_alone": {
            k: spread([a / b for a, b in zip(of, ways["one"][min(sizes)], strict=True)])
            for k, of in ways["one"].items()
        },
        "memory_mib": memory,
    }


def _at_once(crowd: list[Contestant], programs: list[str]) -> float:
    start = time.perf_counter()
    for contestant, program in zip(crowd, programs, strict=True):
        contestant.tell(train=[program])
    for contestant in crowd:
        contestant.answer()
    return time.perf_counter() - start


def memory(chosen: Setting, candidates: int, worlds: int) -> dict[str, Any]:
    """The most memory that this process has while it trains and evaluates a population with the task's preset."""
    before = peak_mib()
    preset = chosen.preset
    (program,), _ = compiled([chosen.human()], chosen.fields, jailed=False)
    evaluation = preset.evaluation.model_copy(update={"checkpoints": 1})
    chosen.task.horizon = SHORT  # type: ignore[misc]
    training = chosen.training([program] * candidates, worlds, 1, preset.learning, evaluation)
    training.run(lambda _: None, lambda _: None)
    gpu = torch.cuda.max_memory_allocated() >> 20 if chosen.backend.device == "cuda" else None
    return {
        "task": chosen.name,
        "candidates": candidates,
        "worlds": worlds,
        "hidden": list(preset.learning.hidden),
        "episodes": evaluation.report_episodes,
        "before_mib": before,
        "peak_mib": peak_mib(),
        "peak_gpu_mib": gpu,
    }


class Whole:
    """Trains populations from beginning to end, evaluation included."""

    steps = 0

    def __init__(self, task: str, worlds: int, iterations: int, threads: int, device: str, **sizes: dict[str, Any]):
        self._chosen, self._worlds, self._iterations = setting(task, device, threads), worlds, iterations
        self._learning = Learning.model_validate(sizes["learning"])
        self._evaluation = Evaluation.model_validate(sizes["evaluation"])

    def train(self, programs: list[str], iterations: int | None = None) -> float:
        """Seconds of one training, from making the worlds on."""
        start = time.perf_counter()
        sizes = (self._worlds, iterations or self._iterations, self._learning, self._evaluation)
        self._chosen.training(programs, *sizes).run(lambda _: None, lambda _: None)
        return time.perf_counter() - start

    def close(self) -> None:
        """Nothing to end."""


if __name__ == "__main__":
    main()
