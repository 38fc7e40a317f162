"""Whole searches with recorded replies: the default way to choose against the paper's, winners on fresh seeds.

    python benchmarks/searches.py quadcopter --searches 5 --folder OUT     # resumable
    python benchmarks/searches.py ant --searches 3 --folder OUT

Both ways get the same replies of a language model (benchmarks/recorded) and the same world-steps, so this tests how
candidates are chosen, not what better parents would lead to. The paper's way trains every candidate once, to the end;
its winner has the highest selection fitness of a checkpoint. Both winners are trained on the same fresh seeds, other
ones for each search seed. Intervals are of means over search seeds.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from record import about, keep, rounded

from eureka.config.options import Changes, DeviceOptions, ModelOptions, Options, SearchOptions, SizeOptions
from eureka.config.settings import Settings
from eureka.config.tasks import LoadedTask, load_task
from eureka.experiment import session
from eureka.experiment.options import resolve
from eureka.runs import layout
from eureka.runs.events import silent
from eureka.runs.history import candidates_of
from eureka.runs.journal import SharesEvent, TrainedEvent, read_journal
from eureka.runs.results import ArmSpec, CompareOptions, Reward
from eureka.runs.statistics import student
from eureka.workers.isolation import IsolationPolicy

RECORDED = Path(__file__).resolve().parent / "recorded"
# The preset's 3 x 3 would take more world-steps than the paper's way with so few candidates.
SIZES: dict[str, dict[str, Any]] = {
    "quadcopter": {"validation": "2x2"},
    "ant": {"steps": 614_400, "validation": "3x1"},  # half the steps of the preset
}


def settings(name: str, paper: bool, seed: int) -> Settings:
    """Those of one search."""
    sizes = SIZES[name]
    search = SearchOptions(racing="on", validation=sizes["validation"], choose_by="estimate", final_seeds=0)
    if paper:
        search = SearchOptions(racing="off", validation="off", choose_by="checkpoint", final_seeds=0)
    model = ModelOptions(f"replay:{RECORDED / name}")
    task = load_task(name)
    return resolve(task, Options(SizeOptions(steps=sizes.get("steps"), seed=seed), search, model, DeviceOptions("cpu")))


def finished(folder: Path) -> bool:
    """Whether a run is there and over."""
    return layout.is_run(folder) and read_journal(folder).finished is not None


def search(task: LoadedTask, given: Settings, folder: Path) -> dict[str, Any]:
    """A search: its winner, what it trained in full trainings, and how long it took."""
    if layout.is_run(folder) and not finished(folder):
        session.resume(folder, Changes(), IsolationPolicy(), silent)
    elif not layout.is_run(folder):
        session.start(task, given, IsolationPolicy(), folder, silent, yes=True)
    journal = read_journal(folder)
    candidates, assumed = candidates_of(journal), journal.finished
    assert assumed is not None and assumed.winner is not None
    winner = candidates[assumed.winner]
    whole = given.iterations * given.worlds * given.learning.horizon
    return {
        "winner": winner.name,
        "score": winner.estimate and rounded(winner.estimate.mean),
        "trainings": rounded(sum(steps for steps in _steps(journal)) / whole),
        "seconds": round(journal.events[-1].time - journal.events[0].time),
        "code": winner.code,
    }


def _steps(journal: Any) -> list[int]:
    """World-steps of every member, each counted once, at its last outcome."""
    last: dict[tuple[str, int], int] = {}
    for event in journal.all(TrainedEvent):
        for member, outcome in zip(event.members, event.outcomes, strict=True):
            last[event.training, member] = getattr(outcome, "steps", 0)
    assert journal.all(SharesEvent)
    return list(last.values())


def judged(
    task: LoadedTask, given: Settings, codes: dict[str, str], seeds: int, folder: Path
) -> dict[str, list[float]]:
    """The fitness of the winners on fresh seeds; equal rewards are trained once."""
    ways = {"default": codes["default"]} if codes["default"] == codes["paper"] else codes
    specs = [ArmSpec(name=way, rewards=(Reward(origin=way, code=code),), searches=1) for way, code in ways.items()]
    fresh = given.model_copy(update={"final_seeds": seeds, "seed": 1000 + given.seed, "llm": "search"})
    if layout.is_run(folder) and not finished(folder):
        session.resume(folder, Changes(), IsolationPolicy(), silent)
    elif not layout.is_run(folder):
        session.retrain(task, fresh, specs, CompareOptions(), IsolationPolicy(), folder, silent, yes=True)
    arms = read_journal(folder).finished
    assert arms is not None
    fitness = {arm.name: list(arm.fitness) for arm in arms.comparison.arms}
    return fitness | {"paper": fitness.get("paper", fitness["default"])}


def main() -> None:
    """Run it."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("task", choices=list(SIZES))
    made.add_argument("--searches", type=int, default=5, help="search seeds 0, 1, ...")
    made.add_argument("--seeds", type=int, default=5, help="fresh seeds for each winner")
    made.add_argument("--folder", type=Path, required=True, help="of the runs; what is there is not run again")
    made.add_argument("--no-history", action="store_true")
    options = made.parse_args()
    task, rows = load_task(options.task), []
    for seed in range(options.searches):
        found = {}
        for way in ("default", "paper"):
            given = settings(options.task, way == "paper", seed)
            found[way] = search(task, given, options.folder / f"{way}-{seed}")
        codes = {way: one.pop("code") for way, one in found.items()}
        fitness = judged(task, given, codes, options.seeds, options.folder / f"judged-{seed}")
        rows.append({"seed": seed, **found, "fitness": fitness})
        print(json.dumps(rows[-1]), flush=True)
    means = {way: [statistics.fmean(row["fitness"][way]) for row in rows] for way in ("default", "paper")}
    apart = [a - b for a, b in zip(means["default"], means["paper"], strict=True)]
    record: dict[str, Any] = about("searches") | {"task": options.task, "sizes": SIZES[options.task], "rows": rows}
    record["mean"] = {way: rounded(statistics.fmean(values)) for way, values in means.items()}
    if len(apart) > 1:
        record["difference"] = student(apart).model_dump()
    print(json.dumps(record | {"rows": len(rows)}, indent=2))
    if not options.no_history:
        keep(record)


if __name__ == "__main__":
    main()
