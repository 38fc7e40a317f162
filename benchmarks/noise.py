"""Less noise between seeds at the same budget? The human reward and two others, eight seeds, several ways to train.

    python benchmarks/noise.py quadcopter --workers 2      # resumable: benchmarks/bank/noise-TASK.json

Each way is the preset cpu with one change; the same seeds and episodes serve all. Weights averaged over a share of the
updates are evaluated in the same trainings as the latest ones. Reports mean and deviation over seeds of the report
fitness, pooled over the three rewards, with the ratio of variances to the preset's.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from typing import Any

import bank
from record import about, keep, rounded
from trainings import setting

WAYS: dict[str, dict[str, Any]] = {
    "preset": {},
    "half the initial deviation": {"learning": {"initial_std": 0.5}},
    "twice the worlds": {"worlds": 2.0},
}
"""Changes of the preset; `worlds` and `initial_std` are factors."""
SHARES = (0.0, 0.03, 0.1, 0.2)
REWARDS = {
    "quadcopter": ("human", "1-2.4", "1-3.4"),
    "ant": ("human", "1-3.2", "1-3.3"),
    "ball_balance": ("human", "1-1.0", "1-2.0"),
}


def shares(way: str) -> tuple[float, ...]:
    """Averages of the weights that are evaluated: all of them with the preset, else the latest weights alone."""
    return SHARES if way == "preset" else SHARES[:1]


def changes(task: str, way: dict[str, Any]) -> dict[str, Any]:
    """The changes of a way, as numbers for this task."""
    preset = setting(task).loaded.preset("cpu")
    found: dict[str, Any] = {}
    if "worlds" in way:
        found["worlds"] = round(preset.worlds * way["worlds"])
    if "learning" in way:
        found["learning"] = {"initial_std": preset.learning.initial_std * way["learning"]["initial_std"]}
    return found


def row(trainings: list[dict[str, Any]], share: str, last: int) -> dict[str, Any]:
    """Mean and pooled deviation over seeds of a way; of the mean of the last checkpoints, if `last`."""
    of_reward: dict[str, list[float]] = {}
    for one in trainings:
        value = statistics.fmean(one["selection"][share][-last:]) if last else one["report"][share]
        of_reward.setdefault(one["reward"], []).append(value)
    deviation = math.sqrt(statistics.fmean(statistics.variance(v) for v in of_reward.values()))
    means = {name: rounded(statistics.fmean(v)) for name, v in of_reward.items()}
    return {"mean": rounded(statistics.fmean(means.values())), "deviation": rounded(deviation), "means": means}


def main() -> None:
    """Run it."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("task", choices=list(REWARDS))
    made.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    made.add_argument("--workers", type=int, default=2)
    made.add_argument("--no-history", action="store_true")
    options = made.parse_args()
    path = bank.BANK / f"noise-{options.task}.json"
    found = json.loads(path.read_text()) if path.exists() else {"task": options.task, "trainings": []}
    codes = {one["name"]: one["code"] for one in bank.load(options.task)["rewards"]}
    known = {(one["way"], one["reward"]) for one in found["trainings"]}
    for way in options.ways:
        given = changes(options.task, WAYS[way])
        jobs = [
            bank.Job(options.task, name, codes[name], tuple(range(bank.SEEDS)), shares(way), given, way)
            for name in REWARDS[options.task]
            if (way, name) not in known
        ]
        bank.fill(found, path, jobs, options.workers)
    rows = {}
    for way in options.ways:
        mine = [one for one in found["trainings"] if one["way"] == way and "failed" not in one]
        rows |= {f"{way}, weights averaged over {s:g}" if s else way: row(mine, f"{s:g}", 0) for s in shares(way)}
        rows[f"{way}, mean of the last three checkpoints"] = row(mine, "0", 3)
    record = about("noise") | {"task": options.task, "seeds": bank.SEEDS, "rows": rows}
    print(json.dumps(record, indent=2))
    if not options.no_history:
        keep(record)


if __name__ == "__main__":
    main()
