"""Fitness of one training on Gymnasium's own reward: ours against stable-baselines3's PPO, on BIRD's five tasks.

    python benchmarks/fitness.py peer
    python benchmarks/fitness.py ours
    python benchmarks/fitness.py report

Every training has 1 M steps. A policy is kept after each tenth, and that with the best mean fitness on 10 selection
episodes is judged by 20 report episodes; so is the last one. Episodes are played in Gymnasium's own environments, the
same ones for both sides. The peer has the better of its default settings, with normalised observations and rewards,
and its zoo's, chosen on the seeds 100 and 101; one of them that is far worse on the first seed is not trained on the
second. A training of the peer ends early where no policy can be better. Each training's result is a file in
`recorded/fitness`; what is there is not repeated, and several processes of `peer` share the work.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from judging import REPORT, SELECTION, TASKS, Act, judge
from record import about, keep
from trainings import NONE, compiled, setting

from eureka.config.settings import Evaluation, Plan
from eureka.rl.rollout import normalize
from eureka.rl.training import Training
from eureka.runs.statistics import welch
from eureka.system.hardware import cores

STEPS, CHECKPOINTS, SELECTION_EPISODES, REPORT_EPISODES = 1_000_000, 10, 10, 20
CHOICE_SEEDS = (100, 101)
SEEDS = {"hopper_hop": 10, "half_cheetah": 5}
"""Compared seeds of the peer, from 0; three for the other tasks."""
OUR_SEEDS = {"half_cheetah": 15}
"""The same of ours where they are more: the spread of ours is larger there, and they cost less."""


def seeds(task: str, side: str = "") -> range:
    """The seeds on which a side is compared."""
    peers = SEEDS.get(task, 3)
    return range(OUR_SEEDS.get(task, peers) if side == "ours" else peers)


class Measure:
    """The fitness of one training's policies, as its checkpoints come."""

    def __init__(self, task: str):
        """For a training on `task`."""
        self._task = task
        self._selection: list[float] = []
        self._returns: list[float] = []
        self._best = self._last = ([math.nan], [math.nan])

    def keep(self, number: int, act: Act) -> bool:
        """Judge the policy of checkpoint `number`, from 1; returns whether no policy can be better."""
        fitness, returns = judge(self._task, act, SELECTION_EPISODES, SELECTION + 1000 * number)
        self._selection.append(statistics.fmean(fitness))
        self._returns.append(statistics.fmean(returns))
        best = self._selection[-1] > max(self._selection[:-1], default=-math.inf)
        if best or number == CHECKPOINTS:
            self._last = judge(self._task, act, REPORT_EPISODES, REPORT)
            self._best = self._last if best else self._best
        return min(self._selection[-1], *self._best[0]) >= TASKS[self._task].ceiling

    def result(self) -> dict[str, Any]:
        """Mean fitness and return of the best and of the last policy on report episodes, and both curves."""
        (best, best_return), (last, last_return) = self._best, self._last
        mean = statistics.fmean
        return {
            "fitness": mean(best),
            "return": mean(best_return),
            "last_fitness": mean(last),
            "last_return": mean(last_return),
            "selection": self._selection,
            "returns": self._returns,
        }


def path(folder: Path, task: str, side: str, seed: int) -> Path:
    """Where the result of one training is."""
    return folder / f"{task}-{side}-{seed}.json"


def results(folder: Path, task: str, side: str, among: Any) -> list[dict[str, Any]]:
    """What is there of a side's trainings with these seeds."""
    files = [path(folder, task, side, seed) for seed in among]
    return [json.loads(file.read_text()) for file in files if file.exists()]


def better(folder: Path, task: str) -> str | None:
    """The peer's better settings, or None before all trainings that decide it are done."""
    found = {side: [r["fitness"] for r in results(folder, task, side, CHOICE_SEEDS)] for side in ("default", "zoo")}
    whole = {side: of for side, of in found.items() if len(of) == len(CHOICE_SEEDS)}
    if not whole:
        return None
    best = max(whole, key=lambda side: sum(whole[side]))
    return best if all(side in whole or (of and hopeless(of, whole[best])) for side, of in found.items()) else None


def hopeless(some: list[float], whole: list[float]) -> bool:
    """Whether the first results of some settings are below the worst of others by half of its size."""
    return max(some) < min(whole) - 0.5 * abs(min(whole))


def wanted(folder: Path, tasks: Sequence[str]) -> Iterator[tuple[str, str, int]]:
    """The peer's trainings, task by task, those that choose its settings first."""
    for task in tasks:
        chosen = better(folder, task)
        for seed in CHOICE_SEEDS:
            for side in ("default", "zoo"):
                if chosen in (None, side):
                    yield task, side, seed
        if chosen:
            for seed in seeds(task):
                yield task, chosen, seed


def claimed(file: Path) -> bool:
    """Whether this process may make `file`: it is free, and no living process has claimed it."""
    claim = file.with_suffix(".claim")
    try:
        with claim.open("x") as made:
            made.write(str(os.getpid()))
        return True
    except FileExistsError:
        try:
            os.kill(int(claim.read_text() or 0), 0)
            return False
        except (ProcessLookupError, ValueError):
            claim.write_text(str(os.getpid()))
            return True


def write(file: Path, result: dict[str, Any]) -> None:
    """Write a result at once."""
    part = file.with_suffix(".part")
    part.write_text(json.dumps(result))
    part.rename(file)
    file.with_suffix(".claim").unlink(missing_ok=True)


def peer(folder: Path, tasks: Sequence[str]) -> None:
    """Train the peer on these tasks; several of these processes share the work."""
    from peers import zoo

    while True:
        left = [job for job in wanted(folder, tasks) if not path(folder, *job).exists()]
        job = next((job for job in left if claimed(path(folder, *job))), None)
        if job is None:
            return
        task, side, seed = job
        measure = Measure(task)
        done = zoo.train(TASKS[task].identifier, side, seed, STEPS, CHECKPOINTS, measure.keep)
        result = done | measure.result()
        write(path(folder, *job), {"task": task, "side": side, "seed": seed} | result)
        print(task, side, seed, f"{result['fitness']:.3f}", f"{result['seconds']:.0f} s", flush=True)


def ours(folder: Path, task: str, threads: int) -> None:
    """Train ours on all compared seeds at once, with the task's preset `bird` and the environment's own reward."""
    left = [seed for seed in seeds(task, "ours") if not path(folder, task, "ours", seed).exists()]
    if not left:
        return
    chosen = setting(task, threads=threads)
    preset = chosen.loaded.preset("bird")
    (program,), _ = compiled([chosen.human()], chosen.fields)
    made = [chosen.program(program, preset.worlds) for _ in left]
    plan = Plan(preset.worlds, STEPS // (preset.worlds * preset.learning.horizon), preset.learning, NONE, 0, "fitness")
    plan = replace(plan, evaluation=Evaluation(checkpoints=CHECKPOINTS, selection_episodes=1, report_episodes=1))
    training = Training(chosen.task, chosen.model, made, left, plan, chosen.backend)
    scale = chosen.task.model.actuator_ctrlrange.T

    def policy(member: int) -> Act:
        def act(observation: np.ndarray) -> np.ndarray:
            seen = torch.from_numpy(observation).float().expand(len(left), *observation.shape)
            means = training.learner.evaluated.mean(normalize(training.learner.observations, seen))
            mean = means[member].clamp(-1.0, 1.0)
            return (0.5 * (scale[0] + scale[1] + mean.numpy() * (scale[1] - scale[0]))).astype(np.float32)

        return act

    measures = [Measure(task) for _ in left]

    def at(number: int) -> None:
        for member, measure in enumerate(measures):
            measure.keep(number + 1, policy(member))

    begun = time.perf_counter()
    training.run(lambda _: None, at)
    seconds = time.perf_counter() - begun
    for seed, measure in zip(left, measures, strict=True):
        result = {"steps": plan.iterations * training.steps_per_iteration, "seconds": seconds} | measure.result()
        write(path(folder, task, "ours", seed), {"task": task, "side": "ours", "seed": seed} | result)
        print(task, "ours", seed, f"{result['fitness']:.3f}", flush=True)


def report(folder: Path) -> dict[str, Any]:
    """What is there, and of each task the interval of ours minus the peer's, against -10 % of the peer's mean."""
    found: dict[str, Any] = {}
    for task, judged in TASKS.items():
        choice = {side: results(folder, task, side, CHOICE_SEEDS) for side in ("default", "zoo")}
        side = better(folder, task)
        us, them = results(folder, task, "ours", seeds(task, "ours")), results(folder, task, side or "", seeds(task))
        row: dict[str, Any] = {
            "published": judged.published,
            "peer_settings": side,
            "choice": {name: [r["fitness"] for r in of] for name, of in choice.items()},
        }
        for measure in ("fitness", "last_fitness", "return"):
            a, b = [r[measure] for r in us], [r[measure] for r in them]
            row[measure] = {"ours": a, "peer": b}
            if min(len(a), len(b)) >= 2:
                row[measure] |= _verdict(a, b)
        found[task] = row
    return found


def _verdict(a: list[float], b: list[float]) -> dict[str, Any]:
    gap, mean = welch(a, b), statistics.fmean(b)
    floor = -0.1 * abs(mean)
    if gap.low > 0:
        verdict = "better"
    elif gap.low > floor:
        verdict = "as good"
    else:
        verdict = "worse" if gap.high < floor else "undecided"
    return {"difference": [gap.mean, gap.low, gap.high], "bar": floor, "verdict": verdict}


def main() -> None:
    """Do one part."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("part", choices=("peer", "ours", "report"))
    made.add_argument("--folder", type=Path, default=Path(__file__).parent / "recorded" / "fitness")
    made.add_argument("--tasks", default=",".join(TASKS), help="to train on, in this order")
    made.add_argument("--threads", type=int, default=cores(), help="of ours")
    made.add_argument("--no-history", action="store_true", help="report: print only")
    options = made.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    tasks = options.tasks.split(",")
    if options.part == "peer":
        peer(options.folder, tasks)
    elif options.part == "ours":
        for task in tasks:
            ours(options.folder, task, options.threads)
    else:
        found = about("fitness", "gymnasium", "stable-baselines3") | {"steps": STEPS, "tasks": report(options.folder)}
        print(json.dumps(found, indent=2))
        if not options.no_history:
            keep(found)


if __name__ == "__main__":
    main()
