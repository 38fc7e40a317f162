"""Which way to spend world-steps finds the better reward? Policies of allocation, compared on the bank of rewards.

    python benchmarks/selection.py            # no training; about a minute

A resample draws the rewards of each generation with replacement and, for each drawn reward, an order of its seeds. A
policy trains candidates of every generation, in the order of their seeds, and picks a winner; all policies spend at
most what one full training of every candidate costs, validation included, so that those which spend more on a candidate
train fewer of them. The winner is scored on the seeds of its reward that the policy did not use. Regret is what it
lacks to the best reward of the resample, by means over all seeds, in units of the deviation between rewards. (The mean
of the best of many is a little too high, for all policies alike.) Resamples come in blocks that share their rewards:
intervals are percentiles over blocks, so they cover the choice of rewards as well as that of seeds.
"""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import bank
import numpy as np
from record import about, finish, parser, rounded

BLOCKS, ORDERS = 2000, 25
"""Draws of rewards, and orders of seeds for each."""
CANDIDATES = 8
"""Drawn for each generation."""


@dataclass(frozen=True)
class Stage:
    """Trainings of every remaining candidate up to a share of the training; then the best share of them continue."""

    share: float
    seeds: int
    keep: float


@dataclass(frozen=True)
class Policy:
    """A way to spend the steps of a search."""

    name: str
    stages: tuple[Stage, ...] = ()
    seeds: int = 1
    """Trainings of every candidate that passes the stages, to the end."""
    score: str = "report"
    """What a full training is worth: report, the best checkpoint on report episodes; selection, its score on those that
    chose it; last, the mean of the last three checkpoints on selection episodes; training, the episodes of training
    since the last checkpoint but one, with exploration; both, the mean of report and training."""
    rung: str = "selection"
    """What ranks candidates at a rung: selection, the best checkpoint so far; training, as above, at the rung."""
    shrink: bool = False
    finalists: int = 0
    fresh: int = 0
    """Validation seeds of a finalist."""
    more: int = 0
    """Leaders that are validated afterwards, one at a time, while the best by estimate has no validation."""
    pool: bool = True
    """Whether the winner is chosen by all trainings of a finalist, or by the validation alone."""

    def cost(self, candidates: int, generations: int) -> float:
        """In full trainings."""
        total, before, entered = 0.0, Stage(0.0, 0, 1.0), float(candidates)
        for stage in (*self.stages, Stage(1.0, self.seeds, 1.0)):
            total += entered * before.seeds * (stage.share - before.share)
            total += entered * (stage.seeds - before.seeds) * stage.share
            entered, before = max(1, math.floor(stage.keep * entered + 1e-9)), stage
        return total * generations + (self.finalists + self.more) * self.fresh

    def candidates(self, most: int, generations: int, budget: float) -> int:
        """How many of a generation can be paid; 0 if not even one."""
        return max((c for c in range(1, most + 1) if self.cost(c, generations) <= budget + 1e-9), default=0)


QUARTER, HALF, MOST = Stage(0.25, 1, 0.5), Stage(0.5, 1, 0.5), Stage(0.75, 1, 0.5)
RACE = (QUARTER, HALF)


def best(
    name: str, stages: tuple[Stage, ...] = (), seeds: int = 1, finalists: int = 0, fresh: int = 0, more: int = 0
) -> Policy:
    """With the scores, ranks at rungs and estimates that the product uses."""
    return Policy(name, stages, seeds, "both", "training", bool(fresh or seeds > 1), finalists, fresh, more)


POLICIES = (
    Policy("one seed, best checkpoint (the paper's)", score="selection"),
    Policy("one seed, report episodes"),
    Policy("one seed, mean of the last checkpoints", score="last"),
    Policy("one seed, episodes of training", score="training"),
    best("one seed, report and training"),
    Policy("2 seeds each", seeds=2),
    best("2 seeds each, report and training", seeds=2),
    Policy("3 seeds each", seeds=3),
    Policy("validation 3 x 3", finalists=3, fresh=3),
    Policy("validation 3 x 3, winner by validation alone", finalists=3, fresh=3, pool=False),
    Policy("validation 3 x 3, shrunken", finalists=3, fresh=3, shrink=True),
    best("validation 3 x 3, shrunken, report and training", finalists=3, fresh=3),
    best("validation 2 x 2, shrunken, report and training", finalists=2, fresh=2),
    Policy("halving at 1/4 and 1/2", RACE),
    Policy("halving at 1/4 and 1/2, ranked by training", RACE, rung="training"),
    best("validation 2 x 3, then up to 1 leader", finalists=2, fresh=3, more=1),
    best("validation 1 x 3, then up to 2 leaders", finalists=1, fresh=3, more=2),
    best("validation 3 x 3, then up to 2 leaders", finalists=3, fresh=3, more=2),
    best("validation 2 x 2, then up to 2 leaders", finalists=2, fresh=2, more=2),
    best("halving at 1/4 and 1/2, report and training", RACE),
    best("halving at 1/2, report and training", (HALF,)),
    best("halving at 1/2 and 3/4, report and training", (HALF, MOST)),
    best("halving at 3/4, report and training", (MOST,)),
    Policy("halving at 1/4 and 1/2, validation 3 x 3, shrunken", RACE, finalists=3, fresh=3, shrink=True),
    best("halving at 1/4 and 1/2, validation 3 x 3, report and training", RACE, 1, 3, 3),
    best("halving at 1/2, validation 3 x 3, report and training", (HALF,), 1, 3, 3),
    best("halving at 1/2, validation 3 x 2, report and training", (HALF,), 1, 3, 2),
    best("halving at 1/2, validation 2 x 2, report and training", (HALF,), 1, 2, 2),
    best("halving at 1/2 and 3/4, validation 3 x 3, report and training", (HALF, MOST), 1, 3, 3),
    best("halving at 3/4, validation 2 x 2, report and training", (MOST,), 1, 2, 2),
    Policy("halving over seeds", (Stage(1.0, 1, 0.5),), seeds=2),
    Policy("halving over seeds, twice", (Stage(1.0, 1, 0.5), Stage(1.0, 2, 0.5)), seeds=4),
    best("halving over seeds, report and training", (Stage(1.0, 1, 0.5),), 2),
    Policy("both: 1/2 with one seed, then 2 seeds", (HALF,), seeds=2),
    best("both: 1/2 with one seed, then 2 seeds, report and training", (HALF,), 2),
    best("both: 1/4, 1/2, then 2 seeds, report and training", RACE, 2),
    best("both: 1/2, then 2 seeds, validation 2 x 2, report and training", (HALF,), 2, 2, 2),
    best("both: 1/4, 1/2, then 2 seeds, validation 3 x 3, report and training", RACE, 2, 3, 3),
)
PAPER = POLICIES[0].name
DEFAULT = "validation 3 x 3, shrunken, report and training"
"""What the presets do."""


@dataclass(frozen=True)
class Trainings:
    """A bank as arrays: a reward's generation, and its trainings on all seeds."""

    generation: np.ndarray  # (rewards,)
    best: np.ndarray  # (rewards, seeds, checkpoints), highest selection fitness so far
    report: np.ndarray  # (rewards, seeds)
    last: np.ndarray  # (rewards, seeds)
    training: np.ndarray  # (rewards, seeds, checkpoints), fitness of the episodes of training

    @property
    def deviation(self) -> float:
        """Between the true means of rewards."""
        return bank.variances(self.report)[0]

    def scores(self, kind: str) -> np.ndarray:
        """(rewards, seeds) by a name of `Policy.score`."""
        training = self.training[:, :, -1]
        of = {"report": self.report, "selection": self.best[:, :, -1], "last": self.last, "training": training}
        return (self.report + training) / 2 if kind == "both" else of[kind]

    @property
    def truth(self) -> np.ndarray:
        """(rewards,) means over all seeds."""
        return self.report.mean(axis=1)


def arrays(task: str) -> Trainings:
    """The rewards of a language model, with all seeds."""
    found = bank.load(task)
    ones = [one for one in found["rewards"] if one["author"] != "people"]
    trained: dict[str, list[dict[str, Any]]] = {one["name"]: [] for one in ones}
    for training in sorted(found["trainings"], key=lambda t: t["seed"]):
        if training["reward"] in trained and "failed" not in training:
            trained[training["reward"]].append(training)
    whole = [one for one in ones if len(trained[one["name"]]) == bank.SEEDS]
    selection = np.array([[t["selection"]["0"] for t in trained[one["name"]]] for one in whole])
    return Trainings(
        np.array([one["generation"] for one in whole]),
        np.maximum.accumulate(selection, axis=2),
        np.array([[t["report"]["0"] for t in trained[one["name"]]] for one in whole]),
        selection[:, :, -3:].mean(axis=2),
        _filled([[t["curves"]["training_fitness"] for t in trained[one["name"]]] for one in whole]),
    )


def _filled(curves: list) -> np.ndarray:
    """The last known value where no episode ended; the smallest of all before the first."""
    values = np.array(curves, dtype=float)
    for mark in range(values.shape[2]):
        before = values[:, :, mark - 1] if mark else np.full(values.shape[:2], np.nanmin(values))
        values[:, :, mark] = np.where(np.isnan(values[:, :, mark]), before, values[:, :, mark])
    return values


def draw(found: Trainings, blocks: int, orders: int) -> tuple[np.ndarray, np.ndarray]:
    """(R, G, C) rewards and (R, G, C, S) orders of their seeds, for R = blocks x orders resamples."""
    chance = np.random.default_rng(0)
    generations = [np.flatnonzero(found.generation == g) for g in sorted(set(found.generation.tolist()))]
    rewards = np.stack([chance.choice(members, size=(blocks, CANDIDATES)) for members in generations], axis=1)
    rewards = np.repeat(rewards, orders, axis=0)
    seeds = chance.random((*rewards.shape, found.report.shape[1])).argsort(axis=-1)
    return rewards, seeds


def top(values: np.ndarray, alive: np.ndarray, count: int) -> np.ndarray:
    """The best `count` of the last axis among those alive, as a mask."""
    order = np.where(alive, values, -np.inf).argsort(axis=-1)[..., ::-1]
    chosen = np.zeros_like(alive)
    np.put_along_axis(chosen, order[..., :count], True, axis=-1)
    return chosen & alive


def shrunken(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """`eureka.runs.estimates` for many pools at once: (R, C, n) values, NaN where there is none; (R, C) counts."""
    known = counts > 0
    n = np.maximum(counts, 1)
    means = np.nansum(values, axis=-1) / n
    squares = np.nansum((values - means[..., None]) ** 2, axis=-1)
    freedom = np.where(known, counts - 1, 0).sum(axis=-1)
    noise = np.where(freedom > 0, squares.sum(axis=-1) / np.maximum(freedom, 1), np.nan)[:, None]
    weights = np.where(known, counts, 0.0)
    total = weights.sum(axis=-1, keepdims=True)
    center = (weights * means).sum(axis=-1, keepdims=True) / total
    excess = (weights * (means - center) ** 2).sum(axis=-1, keepdims=True)
    excess -= (known.sum(axis=-1, keepdims=True) - 1) * noise
    spread = np.maximum(0.25 * noise, excess / (total - (weights**2).sum(axis=-1, keepdims=True) / total))
    weights = np.where(known, 1.0 / (spread + noise / n), 0.0)
    center = (weights * means).sum(axis=-1, keepdims=True) / weights.sum(axis=-1, keepdims=True)
    found = center + spread / (spread + noise / n) * (means - center)
    return np.where(np.isnan(noise), means, found)


def regrets(policy: Policy, found: Trainings, rewards: np.ndarray, seeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(R,) each: of the winner, and of the parents (mean over generations), against the best."""
    resamples, generations, size = rewards.shape
    count = policy.candidates(size, generations, generations * size)
    best = found.truth[rewards].max(axis=(1, 2))
    of_generation = found.truth[rewards].max(axis=2)
    rewards, seeds = rewards[:, :, :count], seeds[:, :, :count]
    each, marks = rewards[..., None], found.best.shape[2]
    alive, entered = np.ones(rewards.shape, dtype=bool), count
    for stage in policy.stages:
        mark = math.ceil(stage.share * marks - 1e-9) - 1
        curves = found.best if policy.rung == "selection" else found.training
        standing = curves[each, seeds[..., : stage.seeds], mark].mean(axis=-1)
        entered = max(1, math.floor(stage.keep * entered + 1e-9))
        alive = top(standing, alive, entered)
    score = found.scores(policy.score)
    values = np.where(alive[..., None], score[each, seeds[..., : policy.seeds]], np.nan)
    parents = np.where(alive, values.mean(axis=-1), -np.inf).argmax(axis=-1)
    used = policy.seeds
    truth = found.report[each, seeds[..., used:]].mean(axis=-1)
    of_parents = (of_generation - np.take_along_axis(truth, parents[..., None], axis=-1)[..., 0]).mean(axis=1)
    flat = (resamples, generations * count)
    values, alive = values.reshape(*flat, -1), alive.reshape(flat)
    rewards, seeds = rewards.reshape(flat), seeds.reshape(*flat, -1)
    counts = np.where(alive, policy.seeds, 0)
    if policy.fresh:
        ranked = shrunken(values, counts) if policy.shrink else np.nansum(values, axis=-1) / policy.seeds
        finalists = top(ranked, alive, policy.finalists)
        more = score[rewards[..., None], seeds[..., used : used + policy.fresh]]
        used += policy.fresh
        first, known = values, counts
        for step in range(policy.more + 1):
            if step:  # the leader too, where it is not validated
                finalists |= top(shrunken(values, counts), alive, 1)
            fresh = np.where(finalists[..., None], more, np.nan)
            values = np.concatenate([first, fresh], axis=-1) if policy.pool else fresh
            counts = policy.fresh * finalists + (known if policy.pool else 0)
        alive = alive if policy.pool and policy.shrink else finalists
    plain = np.nansum(values, axis=-1) / np.maximum(counts, 1)
    final = shrunken(values, counts) if policy.shrink else plain
    winner = np.where(alive, final, -np.inf).argmax(axis=-1)
    row = np.arange(resamples)
    mine = found.report[rewards[row, winner][:, None], seeds[row, winner][:, used:]].mean(axis=1)
    return best - mine, of_parents


def ratio(of: np.ndarray, to: np.ndarray, blocks: int) -> dict[str, Any]:
    """Of mean regrets (tasks, R), with a 95 % interval over blocks of rewards."""
    a, b = (x.reshape(len(x), blocks, -1).mean(axis=2).mean(axis=0) for x in (of, to))
    low, high = np.percentile(a / b, (2.5, 97.5))
    return {"ratio": rounded(a.mean() / b.mean()), "interval": [rounded(float(low)), rounded(float(high))]}


def table(rows: Sequence[dict[str, Any]], tasks: Sequence[str]) -> str:
    """For people, in Markdown."""
    lines = [f"| policy | {' | '.join(tasks)} | pooled | against the paper's (95 %) | parents |"]
    lines.append("|---" * (len(tasks) + 4) + "|")
    for row in rows:
        low, high = row["pooled"]["interval"]
        cells = [row["policy"], *(f"{row[task]['regret']:.2f}" for task in tasks), f"{row['regret']:.2f}"]
        cells += [f"{row['pooled']['ratio']:.2f} ({low:.2f} .. {high:.2f})", f"{row['parents']:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def compare(tasks: dict[str, Trainings], policies: Sequence[Policy], blocks: int, orders: int) -> list[dict[str, Any]]:
    """Every policy on every task."""
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {policy.name: [] for policy in policies}
    for trainings in tasks.values():
        rewards, seeds = draw(trainings, blocks, orders)
        for policy in policies:
            both = regrets(policy, trainings, rewards, seeds)
            found[policy.name].append((both[0] / trainings.deviation, both[1] / trainings.deviation))
    rows = []
    paper = np.stack([regret for regret, _ in found[PAPER]])
    for policy in policies:
        mine = np.stack([regret for regret, _ in found[policy.name]])
        row: dict[str, Any] = {"policy": policy.name, "regret": rounded(float(mine.mean()))}
        row["parents"] = rounded(statistics.fmean(float(p.mean()) for _, p in found[policy.name]))
        row["pooled"] = ratio(mine, paper, blocks)
        for i, task in enumerate(tasks):
            row[task] = {"regret": rounded(float(mine[i].mean()))} | ratio(mine[i : i + 1], paper[i : i + 1], blocks)
        rows.append(row)
    return rows


def main() -> None:
    """Run it."""
    made = parser(__doc__ or "")
    trained = [task for task in bank.STEPS if bank.path_of(task).exists() and bank.load(task)["trainings"]]
    made.add_argument("--tasks", nargs="+", default=trained)
    options = made.parse_args()
    blocks, orders = (50, 2) if options.quick else (BLOCKS, ORDERS)
    tasks = {task: arrays(task) for task in options.tasks}
    rows = compare(tasks, POLICIES, blocks, orders)
    print(table(rows, list(tasks)), file=sys.stderr)
    sizes = {task: len(found.report) for task, found in tasks.items()}
    finish(
        about("selection") | {"rewards": sizes, "resamples": blocks * orders, "blocks": blocks, "rows": rows}, options
    )


if __name__ == "__main__":
    main()
