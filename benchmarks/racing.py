"""Does a race find as good a reward for less? The same search with and without one, and both winners on fresh seeds.

    python benchmarks/racing.py                                     # cartpole and ant, three searches each; an hour
    python benchmarks/racing.py --tasks cartpole --searches 1

For each task and search seed: a search with everybody trained to the end, one with a race, and, if their winners
differ, five trainings of each on the same fresh seeds. Cartpole's rewards are the built-in search's, ant's the recorded
ones of a language model (benchmarks/recorded/ant, the first generation). Steps are training world-steps as
journalled.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from record import about, keep, parser

from eureka.config.options import DeviceOptions, ModelOptions, Options, SearchOptions, SizeOptions
from eureka.config.settings import Racing, Settings
from eureka.config.tasks import LoadedTask, load_task
from eureka.experiment import arms, session
from eureka.experiment.options import resolve
from eureka.runs.events import silent
from eureka.runs.history import candidates_of, find_candidate
from eureka.runs.journal import read_journal
from eureka.runs.results import ArmSpec, CompareOptions
from eureka.runs.statistics import improvement, welch
from eureka.workers.isolation import IsolationPolicy

RECORDED = Path(__file__).resolve().parent / "recorded"
SIZES: dict[str, dict[str, Any]] = {
    "cartpole": {},
    # The built-in search seldom finds a reward that makes the ant run: these are a language model's.
    "ant": {"llm": f"replay:{RECORDED / 'ant'}", "generations": 1},
}
"""What differs from the preset cpu, or from the settings of the run that is replayed."""
QUICK: dict[str, Any] = {"generations": 1, "samples": 4, "worlds": 32, "steps": 32_768}


def search(task: LoadedTask, settings: Settings, race: Racing | None, folder: Path) -> dict[str, Any]:
    """One search without a final comparison: its winner and what it trained."""
    changes = {"racing": race, "final_seeds": 0}
    session.start(task, settings.model_copy(update=changes), IsolationPolicy(), folder, silent, yes=True)
    journal = read_journal(folder)
    candidates, winner = candidates_of(journal), find_candidate(journal, candidates_of(journal), None)
    ended = [c.trained or c.dropped for c in candidates.values() if not c.duplicate_of]
    return {
        "winner": winner.name,
        "fingerprint": winner.fingerprint,
        "steps": sum(left.steps for left in ended if left),
        "candidates": len(ended),
        "dropped": sum(c.dropped is not None for c in candidates.values() if not c.duplicate_of),
        "reward": arms.winner_of(folder),
    }


def judged(task: LoadedTask, settings: Settings, found: dict[str, Any], seeds: int, folder: Path) -> dict[str, Any]:
    """Both winners trained anew: their fitness on each seed, and what may be said."""
    specs = [ArmSpec(name=name, rewards=(one["reward"],), searches=1) for name, one in found.items()]
    fresh = settings.model_copy(update={"final_seeds": seeds})
    session.retrain(task, fresh, specs, CompareOptions(), IsolationPolicy(), folder, silent, yes=True)
    result = json.loads((folder / "result.json").read_text())
    fitness = {arm["name"]: arm["fitness"] for arm in result["comparison"]["arms"]}
    apart = welch(fitness["race"], fitness["full"])
    return {
        "fitness": fitness,
        "difference": [apart.mean, apart.low, apart.high],
        "improvement": improvement([fitness["race"]], [fitness["full"]]),
        "within_noise": apart.low <= 0.0 <= apart.high,
    }


def line(task: LoadedTask, settings: Settings, race: Racing, seeds: int, folder: Path) -> dict[str, Any]:
    """One row of the table."""
    found = {
        "full": search(task, settings, None, folder / "full"),
        "race": search(task, settings, race, folder / "race"),
    }
    same = found["full"]["fingerprint"] == found["race"]["fingerprint"]
    row: dict[str, Any] = {"task": task.file.name, "seed": settings.seed, "same_winner": same}
    row |= {"share_of_steps": found["race"]["steps"] / found["full"]["steps"]}
    row |= {} if same else judged(task, settings, found, seeds, folder / "judged")
    return row | {name: {k: v for k, v in one.items() if k != "reward"} for name, one in found.items()}


def table(rows: list[dict[str, Any]]) -> str:
    """For people, in Markdown."""
    lines = ["| task | search | world-steps of the race | winners | race, fresh seeds | full | difference (95 %) |"]
    lines.append("|---|---|---|---|---|---|---|")
    for row in rows:
        cells = [row["task"], str(row["seed"]), f"{row['share_of_steps']:.0%}"]
        if row["same_winner"]:
            cells += ["the same", "", "", ""]
        else:
            means = [f"{statistics.fmean(row['fitness'][name]):.4g}" for name in ("race", "full")]
            mean, low, high = row["difference"]
            verdict = "within noise" if row["within_noise"] else "better" if mean > 0 else "worse"
            cells += [verdict, *means, f"{mean:.3g} ({low:.3g} .. {high:.3g})"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _plain(sizes: dict[str, Any]) -> dict[str, Any]:
    """Without a path of this machine."""
    return {name: "replay of benchmarks/recorded/ant" if name == "llm" else value for name, value in sizes.items()}


def main() -> None:
    """Run it."""
    made = parser(__doc__ or "")
    made.add_argument("--tasks", nargs="+", default=list(SIZES), help="shipped tasks")
    made.add_argument("--searches", type=int, default=3, help="search seeds 0, 1, ...")
    made.add_argument("--seeds", type=int, default=5, help="fresh seeds for each winner")
    made.add_argument("--racing", default="on", help="as eureka run's")
    options = made.parse_args()
    searches, seeds = (1, 2) if options.quick else (options.searches, options.seeds)
    rows = []
    for name in options.tasks:
        task = load_task(name)
        sizes = QUICK if options.quick else SIZES.get(name, {})
        for seed in range(searches):
            given = Options(
                SizeOptions(worlds=sizes.get("worlds"), steps=sizes.get("steps"), seed=seed),
                SearchOptions(sizes.get("generations"), sizes.get("samples"), racing=options.racing),
                ModelOptions(sizes.get("llm", "search")),
                DeviceOptions(options.device),
            )
            settings = resolve(task, given)
            assert settings.racing is not None
            with tempfile.TemporaryDirectory(prefix="eureka-racing-") as folder:
                rows.append(line(task, settings, settings.racing, seeds, Path(folder)))
            print(table(rows), file=sys.stderr)
    sizes = {name: QUICK if options.quick else SIZES.get(name, {}) for name in options.tasks}
    record = about("racing") | {
        "racing": options.racing,
        "sizes": {n: _plain(s) for n, s in sizes.items()},
        "rows": rows,
    }
    print(json.dumps(record, indent=2))
    if not (options.no_history or options.quick):
        keep(record)


if __name__ == "__main__":
    main()
