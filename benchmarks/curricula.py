"""A curriculum against its last stage alone: the same reward, seeds, steps and learning settings.

    python benchmarks/curricula.py allegro_hand --stages '[{share: 0.4, parameters: {goal_step: 0.3}}, {}]' --folder OUT
    python benchmarks/curricula.py humanoid --set parameters.support=0 --stages ... --folder OUT

Trains the human reward on five seeds both ways; each is evaluated on episodes with the parameters of the last stage.
Resumable: what is in the folder is not trained again. The folder's name is part of the record.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from presets import settings_of, trained
from record import about, keep, rounded

from eureka.config.tasks import load_task
from eureka.experiment import arms
from eureka.runs.statistics import student, welch


def main() -> None:
    """Run it."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("task")
    made.add_argument("--stages", required=True, help="of the curriculum, in YAML")
    made.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="changes of both ways")
    made.add_argument("--reward", default="human", help="human or sparse")
    made.add_argument("--folder", type=Path, required=True)
    made.add_argument("--no-history", action="store_true")
    options = made.parse_args()
    task = load_task(options.task)
    specs = [spec for spec in arms.baselines(task) if spec.name == options.reward]
    ways = {"alone": options.set, "curriculum": [*options.set, f"stages={options.stages}"]}
    fitness: dict[str, list[float]] = {}
    found: dict[str, Any] = {"task": options.task, "reward": options.reward, "stages": options.stages}
    for way, changes in ways.items():
        settings = settings_of(task, changes)
        journal = trained(task, settings, specs, options.folder / way)
        assert journal.finished is not None
        (arm,) = journal.finished.comparison.arms
        fitness[way] = arm.fitness
        interval = student(arm.fitness)
        found[way] = {
            "fitness": [rounded(value) for value in arm.fitness],
            "mean": rounded(interval.mean),
            "interval": [rounded(interval.low), rounded(interval.high)],
            "parameters": settings.curriculum.variant,
            "steps": settings.steps,
        }
    difference = welch(fitness["curriculum"], fitness["alone"])
    found["difference"] = [rounded(difference.mean), rounded(difference.low), rounded(difference.high)]
    found = about("curricula") | found
    print(json.dumps(found, indent=2))
    if not options.no_history:
        keep(found)


if __name__ == "__main__":
    main()
