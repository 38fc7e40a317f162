"""Simulated elections: how good is what votes choose, and does voting stop at the right time?

    python benchmarks/elections.py [--elections 500] [--stops 1000]

A teacher that knows the true fitness prefers the better of two policies, but for a share of mistakes (BPref's teacher
`mistake`, Lee et al. 2021). Elections on the bank: 16 rewards of a task, drawn without replacement, or all if there are
fewer, their means over eight seeds as the truth, `VOTES` votes, no early stop; the gap is how much of the way from a
random choice to the best of them the chosen one goes. Stops: 16 strengths from the model's own prior, and a teacher
that follows the model; of those elections that stop before `VOTES`, the share whose choice is more than 0.2 below the
best. Prints JSON.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from functools import partial

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small matrices, and processes of our own

import numpy as np
from record import about, finish, parser, rounded
from selection import arrays

from eureka.runs.elections import NOISE, Ballot, next_pair, standing

VOTES = 49
"""ICPL's number (2024)."""
POLICIES = 16
TASKS = {"quadcopter": 1.0, "ball_balance": 0.2}
"""Shares of the elections; their banks have 18 and 10 rewards of a model on eight seeds."""
FAR = 0.2  # Deviations of the prior


def elect(prefers: Callable[[int, int], bool], count: int, seed: int, stop: bool) -> tuple[int, int, bool]:
    """The chosen one, the number of votes, and whether voting stopped."""
    ballot = Ballot(count)
    for vote in range(VOTES):
        found = standing(ballot, seed)
        if stop and found.sure:
            return found.leader, vote, True
        i, j = next_pair(found)
        ballot = Ballot(count, (*ballot.votes, (i, j, float(prefers(i, j)))))
    found = standing(ballot, seed)
    return found.leader, VOTES, stop and found.sure


def on_bank(truth: np.ndarray, seed: int) -> tuple[float, float, float]:
    """Truth of the chosen one, of a random choice and of the best."""
    chance = np.random.default_rng(seed)
    drawn = chance.choice(truth, min(POLICIES, len(truth)), replace=False)
    chosen, _, _ = elect(lambda i, j: (drawn[i] > drawn[j]) != (chance.random() < NOISE), len(drawn), seed, stop=False)
    return float(drawn[chosen]), float(drawn.mean()), float(drawn.max())


def at_a_stop(seed: int) -> tuple[float, int, bool]:
    """How far below the best the chosen one is, the number of votes, and whether voting stopped early."""
    chance = np.random.default_rng(seed)
    strengths = chance.standard_normal(POLICIES)

    def prefers(i: int, j: int) -> bool:
        wins = chance.random() < 1.0 / (1.0 + np.exp(strengths[j] - strengths[i]))
        return bool(wins != (chance.random() < NOISE))

    chosen, votes, stopped = elect(prefers, POLICIES, seed, stop=True)
    return float(strengths.max() - strengths[chosen]), votes, stopped and votes < VOTES


def main() -> None:
    """Print what the elections give."""
    options = parser(__doc__ or "")
    options.add_argument("--elections", type=int, default=500)
    options.add_argument("--stops", type=int, default=1000)
    given = options.parse_args()
    elections_, stops = (4, 4) if given.quick else (given.elections, given.stops)
    found: dict[str, object] = about("elections") | {"votes": VOTES, "policies": POLICIES, "mistakes": NOISE}
    with multiprocessing.get_context("spawn").Pool(given.threads) as pool:
        for task, share in TASKS.items():
            truth, elections = arrays(task).truth, max(2, round(share * elections_))
            ended = np.array(pool.map(partial(on_bank, truth), range(elections)))
            chosen, random, best = ended.T
            own = (chosen - random) / (best - random)
            found[task] = {
                "policies": min(POLICIES, len(truth)),
                "elections": elections,
                "gap closed": rounded(own.mean()),
                "error": rounded(_error(own)),
                "chose the best": rounded((chosen == best).mean()),
            }
        below, votes, early = (np.array(column) for column in zip(*pool.map(at_a_stop, range(stops)), strict=True))
    early = early.astype(bool)
    far = below[early] > FAR
    found["stops"] = {
        "elections": stops,
        "stopped early": int(early.sum()),
        "more than 0.2 below the best": rounded(far.mean()) if early.any() else None,
        "error": rounded(_error(far.astype(float))) if early.sum() > 1 else None,
        "mean votes": rounded(votes.mean()),
        "mean below the best, stopped": rounded(below[early].mean()) if early.any() else None,
        "mean below the best, not stopped": rounded(below[~early].mean()) if (~early).any() else None,
    }
    finish(found, given)


def _error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / len(values) ** 0.5)


if __name__ == "__main__":
    main()
