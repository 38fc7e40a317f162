"""What the preset cpu of every shipped task learns: random play, sparse and human reward, with intervals and minutes.

    python benchmarks/presets.py --folder OUT                   # all tasks; resumable, takes a night
    python benchmarks/presets.py shadow_hand --folder OUT       # some of them

A run of `eureka run TASK --out OUT/TASK` counts too: its comparison has the same rewards, and the winner of the search
as well. The table for docs/shipped-tasks.md goes to standard error, of all tasks that are finished in the folder.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from record import about, keep, rounded

from eureka.config.options import Changes, DeviceOptions, ModelOptions, Options, SizeOptions
from eureka.config.settings import Settings
from eureka.config.tasks import LoadedTask, load_task, shipped_tasks
from eureka.experiment import arms, session
from eureka.experiment.context import tools
from eureka.experiment.options import resolve
from eureka.runs import layout
from eureka.runs.events import silent
from eureka.runs.journal import Journal, read_journal
from eureka.runs.results import ArmSpec, CompareOptions
from eureka.runs.statistics import student
from eureka.workers.isolation import IsolationPolicy

EPISODES = 64  # of random play
SEEDS = 5


def settings_of(task: LoadedTask, changes: Sequence[str] = ()) -> Settings:
    """The preset cpu with changes, to be compared on five seeds."""
    sizes, model = SizeOptions("cpu", changes=tuple(changes)), ModelOptions("search")
    return resolve(task, Options(sizes, model=model, device=DeviceOptions("cpu"))).model_copy(
        update={"final_seeds": SEEDS}
    )


def trained(task: LoadedTask, settings: Settings, specs: Sequence[ArmSpec], folder: Path) -> Journal:
    """The comparison in a folder: finished before, continued, or begun."""
    if not layout.is_run(folder):
        session.retrain(task, settings, specs, CompareOptions(), IsolationPolicy(), folder, silent, yes=True)
    elif read_journal(folder).finished is None:
        session.resume(folder, Changes(), IsolationPolicy(), silent)
    return read_journal(folder)


def row(name: str, folder: Path) -> dict[str, Any]:
    """What is known of one task after its comparison."""
    task = load_task(name)
    journal = trained(task, settings_of(task), arms.baselines(task), folder)
    settings, finished = journal.settings, journal.finished
    assert finished is not None
    with tools(task, IsolationPolicy(), settings) as (_, pool):
        played = pool.play_episodes(EPISODES, settings.seed)
    interval = student(played.fitness)
    found: dict[str, Any] = {
        "random": {"mean": interval.mean, "interval": [interval.low, interval.high], "episodes": EPISODES}
    }
    for arm in finished.comparison.arms:
        between = arm.interval and [rounded(arm.interval.low), rounded(arm.interval.high)]
        found[arm.name] = {"mean": arm.mean, "interval": between, "fitness": arm.fitness, "failures": arm.failures}
    return found | {
        "task": name,
        "kind": journal.record.kind,
        "parameters": settings.curriculum.variant,
        "steps": settings.steps,
        "seeds": settings.final_seeds,
        "minutes": rounded((journal.events[-1].time - journal.events[0].time) / 60.0),
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows in Markdown."""

    def cell(of: dict[str, Any] | None) -> str:
        if of is None or of["mean"] is None:
            return "-"
        low, high = of["interval"] or (None, None)
        return f"{of['mean']:.3g}" + (f" ({low:.3g} .. {high:.3g})" if low is not None else "")

    lines = ["| task | random | sparse | human | evolved | steps | minutes |", "|---|---|---|---|---|---|---|"]
    for of in rows:
        cells = [cell(of.get(name)) for name in ("random", "sparse", "human", "evolved")]
        minutes = f"{of['minutes']:.3g} ({'whole run' if of['kind'] == 'search' else 'sparse and human'})"
        lines.append(f"| {of['task']} | {' | '.join(cells)} | {of['steps']:,} | {minutes} |")
    return "\n".join(lines)


def main() -> None:
    """Run it."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("tasks", nargs="*", help="all that are shipped, if none is given")
    made.add_argument("--folder", type=Path, required=True, help="of the runs; what is there is not run again")
    made.add_argument("--no-history", action="store_true")
    options = made.parse_args()
    rows = []
    for name in options.tasks or shipped_tasks():
        rows.append(row(name, options.folder / name))
        print(table(rows), file=sys.stderr, flush=True)
    found = about("presets") | {"rows": rows}
    print(json.dumps(found, indent=2))
    if not options.no_history:
        keep(found)


if __name__ == "__main__":
    main()
