"""The bank of rewards: rewards that a language model wrote, each trained on the same seeds, with all curves.

    python benchmarks/bank.py add quadcopter RUN        # the rewards of a recorded search
    python benchmarks/bank.py train quadcopter          # those not yet trained; can be interrupted and run again
    python benchmarks/bank.py print                     # what the banks say about rewards and seeds

`benchmarks/bank/TASK.json` holds the rewards, human and sparse included, and their trainings. Every training is
evaluated twice at each checkpoint, on the same episodes: with the latest weights ("0") and with weights averaged over
a share of the updates ("0.1"). `benchmarks/selection.py` resamples the bank.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import statistics
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from record import about, rounded
from trainings import Setting, compiled, setting

from eureka.config.settings import Plan, Preset
from eureka.experiment.estimate import fit_evaluation
from eureka.rl.normalization import RunningMoments
from eureka.rl.policy import Policy
from eureka.rl.training import Training
from eureka.runs.candidate import Failed
from eureka.runs.history import candidates_of
from eureka.runs.journal import read_journal
from eureka.system.seeds import derive

BANK = Path(__file__).resolve().parent / "bank"
SEEDS = 8
STEPS = {"quadcopter": 655_360, "ant": 614_400, "ball_balance": 393_216}
"""Training world-steps of a member."""


@dataclass(frozen=True)
class Job:
    """The trainings of one reward."""

    task: str
    name: str
    code: str
    seeds: tuple[int, ...]
    shares: tuple[float, ...]
    changes: dict[str, Any]
    """Of the preset cpu; `learning` is merged."""
    way: str = ""
    """A name for the changes, kept with the trainings."""


class Compared(Training):
    """A training that also evaluates averages of the weights over shares of the updates."""

    def begin(self, shares: Sequence[float]) -> None:
        """Start the averages; the first share is that of the training's own settings."""
        self.shares = shares[1:]
        self.averages = [self.learner.policy.flat.clone() for _ in self.shares]
        self.found: list[list[list[float]]] = [[] for _ in shares]  # [share][checkpoint][member]
        self.bests = [(self.learner.policy.flat.clone(), self.learner.observations.save()) for _ in self.shares]

    def iterate(self) -> None:
        """One iteration, then all averages."""
        super().iterate()
        for share, average in zip(self.shares, self.averages, strict=True):
            average.lerp_(self.learner.policy.flat, 1.0 / min(max(1.0, share * self.plan.iterations), self.iteration))

    def _checkpoint(self) -> None:
        super()._checkpoint()
        moments, shape = self.learner.observations, self.learner.policy.shape
        self.found[0].append([writer.curves["fitness"][-1] for writer in self._curves])
        for found, average, (flat, best) in zip(self.found[1:], self.averages, self.bests, strict=True):
            scores = self._evaluate(Policy(shape, average), moments, "selection").fitness.mean(dim=1).tolist()
            for p, score in enumerate(scores):
                if score > max((before[p] for before in found), default=-math.inf):
                    flat[p] = average[p]
                    for name, now in moments.save().items():
                        if now.dim():
                            best[name][p] = now[p]
            found.append(scores)

    def reports(self) -> list[list[float]]:
        """[share][member]: mean report fitness of the checkpoint with the highest selection fitness."""
        found = []
        for flat, saved in [(self._best_policy, self._best_moments), *self.bests]:
            moments = RunningMoments(self.members, (self.learner.policy.shape.seen,), flat.device)
            moments.load(saved)
            policy = Policy(self.learner.policy.shape, flat)
            found.append(self._evaluate(policy, moments, "report").fitness.mean(dim=1).tolist())
        return found


def sizes(made: Setting, changes: dict[str, Any]) -> Preset:
    """The preset cpu with changes, and the evaluation that fits its steps."""
    preset = made.loaded.preset("cpu")
    learning = preset.learning.model_copy(update=changes.get("learning", {}))
    plain = {name: value for name, value in changes.items() if name != "learning"}
    preset = preset.model_copy(update={"steps": STEPS[made.name]} | plain | {"learning": learning})
    return fit_evaluation(preset, made.task.horizon)  # type: ignore[arg-type,return-value]


def train(job: Job) -> list[dict[str, Any]]:
    """Train a reward on all seeds of a job as one population."""
    made = setting(job.task)
    preset = sizes(made, job.changes)
    ((text,), _) = compiled([job.code], made.fields)
    plan = Plan(
        preset.worlds, preset.iterations, preset.learning, preset.evaluation, 0, "bank", curriculum=preset.curriculum
    )
    seeds = [derive(0, "bank", seed) for seed in job.seeds]
    programs = [made.program(text, preset.worlds) for _ in seeds]
    training = Compared(made.task, made.model, programs, seeds, plan, made.backend)
    training.begin(job.shares)
    outcomes = training.run(lambda _: None, lambda _: None)
    reports = training.reports()
    records = []
    for p, (seed, outcome) in enumerate(zip(job.seeds, outcomes, strict=True)):
        record: dict[str, Any] = {"way": job.way} if job.way else {}
        record |= {"reward": job.name, "seed": seed}
        if isinstance(outcome, Failed):
            records.append(record | {"failed": outcome.message})
            continue
        curves = outcome.curves.model_dump(exclude={"fitness"})
        selection = {f"{s:g}": [scores[p] for scores in f] for s, f in zip(job.shares, training.found, strict=True)}
        report = {f"{s:g}": found[p] for s, found in zip(job.shares, reports, strict=True)}
        records.append(record | short({"selection": selection, "report": report, "curves": curves}))
    return records


def short(value: Any) -> Any:
    """With five significant digits."""
    if isinstance(value, dict):
        return {name: short(v) for name, v in value.items()}
    if isinstance(value, list):
        return [short(v) for v in value]
    return rounded(value, 5) if isinstance(value, float) else value


def path_of(task: str) -> Path:
    """The file of a task's bank."""
    return BANK / f"{task}.json"


def load(task: str) -> dict[str, Any]:
    """The bank of a task."""
    return json.loads(path_of(task).read_text())


def save(bank: dict[str, Any], path: Path) -> None:
    """Write a bank, one reward or training a line."""
    lines = []
    for name, value in bank.items():
        if isinstance(value, list):
            items = ",\n".join(json.dumps(one) for one in value)
            lines.append(f"{json.dumps(name)}: [\n{items}\n]")
        else:
            lines.append(f"{json.dumps(name)}: {json.dumps(value)}")
    path.parent.mkdir(exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    new.replace(path)


def add(task: str, folder: Path, author: str) -> int:
    """Add the rewards of a search that are not in the bank; equal programs count once."""
    bank = load(task) if path_of(task).exists() else _new(task)
    known = {one.get("fingerprint") for one in bank["rewards"]}
    search = 1 + max((one["search"] for one in bank["rewards"] if one.get("search")), default=0)
    before = len(bank["rewards"])
    for candidate in candidates_of(read_journal(folder)).values():
        if candidate.fingerprint and candidate.fingerprint not in known and not candidate.failed:
            known.add(candidate.fingerprint)
            bank["rewards"].append(
                {
                    "name": f"{search}-{candidate.name}",
                    "search": search,
                    "generation": candidate.generation,
                    "author": author,
                    "fingerprint": candidate.fingerprint,
                    "code": candidate.code,
                }
            )
    save(bank, path_of(task))
    return len(bank["rewards"]) - before


def _new(task: str) -> dict[str, Any]:
    loaded = setting(task).loaded
    own = [{"name": name, "author": "people", "code": path.read_text()} for name, path in loaded.rewards.items()]
    return {"task": task, "rewards": own, "trainings": []}


def fill(bank: dict[str, Any], path: Path, jobs: Sequence[Job], workers: int) -> None:
    """Train, and write the bank after every reward."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        futures = {pool.submit(train, job): job for job in jobs}
        for done, future in enumerate(as_completed(futures), 1):
            bank["trainings"] += future.result()
            save(bank, path)
            print(f"{bank['task']}: {futures[future].name} trained, {done} of {len(jobs)}", file=sys.stderr, flush=True)


def variances(values: np.ndarray) -> tuple[float, float]:
    """Standard deviations between the true means of rewards and between seeds, from (rewards, seeds) values."""
    within = values.var(axis=1, ddof=1).mean()
    between = values.mean(axis=1).var(ddof=1) - within / values.shape[1]
    return math.sqrt(max(between, 0.0)), math.sqrt(within)


def table(bank: dict[str, Any], share: str) -> dict[str, Any]:
    """What a bank says of rewards and seeds; people's rewards are left out."""
    mine = [one["name"] for one in bank["rewards"] if one["author"] != "people"]
    found: dict[str, list[dict]] = {name: [] for name in mine}
    for one in bank["trainings"]:
        if one["reward"] in found and "failed" not in one:
            found[one["reward"]].append(one)
    whole = {name: ones for name, ones in found.items() if len(ones) >= SEEDS}
    report = np.array([[one["report"][share] for one in ones[:SEEDS]] for ones in whole.values()])
    curves = np.array([[one["selection"][share] for one in ones[:SEEDS]] for ones in whole.values()])
    rewards, seeds = variances(report)
    truth, marks = report.mean(axis=1), curves.shape[2]
    correlations = {}
    for part in (0.25, 0.5, 1.0):
        best = curves[:, :, : max(1, math.ceil(part * marks - 1e-9))].max(axis=2)
        correlations[f"{part:g}"] = statistics.fmean(spearman(best[:, s], truth) for s in range(SEEDS))
    return {
        "rewards": len(whole),
        "between_rewards": rounded(rewards),
        "between_seeds": rounded(seeds),
        "ratio": rounded(seeds / rewards) if rewards else None,
        "rank_correlation_with_the_true_mean": {part: rounded(r) for part, r in correlations.items()},
    }


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Rank correlation."""
    ranks = [np.argsort(np.argsort(x)).astype(float) for x in (a, b)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def main() -> None:
    """Run it."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("what", choices=("add", "train", "print"))
    made.add_argument("task", nargs="?", choices=list(STEPS))
    made.add_argument("run", nargs="?", type=Path)
    made.add_argument("--author", default="Claude (Anthropic)")
    made.add_argument("--workers", type=int, default=2)
    options = made.parse_args()
    if options.what == "add":
        print(add(options.task, options.run, options.author), "rewards added")
    elif options.what == "train":
        bank = load(options.task)
        trained = {(one["reward"], one["seed"]) for one in bank["trainings"]}
        jobs = []
        for one in sorted(bank["rewards"], key=lambda one: one["author"] == "people"):
            seeds = tuple(s for s in range(SEEDS) if (one["name"], s) not in trained)
            if seeds:
                jobs.append(Job(options.task, one["name"], one["code"], seeds, (0.0,), {}))
        preset = sizes(setting(options.task), {})
        kept = preset.model_dump(mode="json", include={"worlds", "steps", "learning", "evaluation"})
        bank = {"task": bank["task"], "about": about("bank"), "sizes": kept, **bank} | {"about": about("bank")}
        fill(bank, path_of(options.task), jobs, options.workers)
    else:
        tasks = [options.task] if options.task else [task for task in STEPS if path_of(task).exists()]
        print(json.dumps({task: table(load(task), "0") for task in tasks}, indent=2))


if __name__ == "__main__":
    main()
