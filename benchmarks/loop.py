"""Seconds of a whole `eureka run` with the built-in search, by part.

    python benchmarks/loop.py [TASK] [-- --generations 1 --samples 4]

What follows the dashes goes to `eureka run`. The parts come from the run's own journal: start-up until the helper
processes stand and the task is described, the model's answers, sandbox and pre-flight, training and evaluation by the
trainer's clocks. The disk's share is what the orchestrator's journal, files and hashes took, and the trainer's
checkpoints; where several processes train a generation, the time of one. What is in none of them is `other`.
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from record import about, finish, parser, peak_mib, rounded, spread

from eureka.system.hardware import cores
from eureka.system.paths import shipped

QUICK = {
    "generations: 3": "generations: 1",
    "samples: 6": "samples: 2",
    "steps: 131072": "steps: 4096",
    "final_seeds: 10": "final_seeds: 0\n    validation_seeds: 0",
    "checkpoints: 8": "checkpoints: 1",
    "selection_episodes: 4": "selection_episodes: 2",
    "report_episodes: 32": "report_episodes: 4",
}
"""What makes cartpole's preset a tiny one."""


def main() -> None:
    """Measure, print, and keep the result."""
    if sys.argv[1:2] == ["--inside"]:
        inside(Path(sys.argv[2]), sys.argv[3:])
        return
    made = parser(__doc__)
    made.add_argument("task", nargs="?", default="cartpole")
    made.set_defaults(repeats=1)
    given = [*sys.argv[1:], "--"]
    cut = given.index("--")
    options, others = made.parse_args(given[:cut]), given[cut + 1 : -1]
    with tempfile.TemporaryDirectory() as folder:
        task = tiny(Path(folder)) if options.quick else options.task
        runs = [measured(task, others) for _ in range(options.repeats)]
    seconds = {part: spread([run["seconds"][part] for run in runs]) for part in runs[0]["seconds"]}
    found = about("loop") | {
        "task": options.task,
        "options": others,
        "threads": cores(),
        "repeats": options.repeats,
        "seconds": seconds,
        "share": {part: rounded(s["median"] / seconds["total"]["median"]) for part, s in seconds.items()},
        **{name: runs[-1][name] for name in ("trainings", "steps", "events", "folder_mib", "training", "memory_mib")},
    }
    finish(found, options)


def tiny(folder: Path) -> str:
    """Cartpole in small, as a task of somebody's own; the path of its YAML."""
    yaml = shipped("tasks") / "cartpole.yaml"
    shutil.copytree(yaml.with_suffix(""), folder / "cartpole")
    text = yaml.read_text()
    for old, new in QUICK.items():
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "cartpole.yaml").write_text(text)
    return str(folder / "cartpole.yaml")


def measured(task: str, given: list[str]) -> dict[str, Any]:
    """One run in a folder of its own, taken apart."""
    with tempfile.TemporaryDirectory() as folder:
        run, told = Path(folder) / "run", Path(folder) / "told.json"
        command = [sys.executable, __file__, "--inside", str(told), "run", task, "--llm", "search", "--out", str(run)]
        begun = time.time()
        subprocess.run([*command, "--yes", "--display", "none", *given], check=True, stdout=sys.stderr)
        total = time.time() - begun
        events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
        size = sum(path.stat().st_size for path in run.rglob("*") if path.is_file())
        return parts(events, json.loads(told.read_text()), begun, total) | {"folder_mib": round(size / 2**20, 1)}


def parts(events: list[dict[str, Any]], told: dict[str, Any], begun: float, total: float) -> dict[str, Any]:
    """Seconds by part, from the journal and from what the orchestrator's process told of itself."""
    seconds = Counter(dict.fromkeys(("start_up", "model", "sandbox", "training", "evaluation", "disk", "other"), 0.0))
    clocks: Counter[str] = Counter()  # of all processes together
    wall: Counter[str] = Counter()
    at_once: dict[str, int] = {}
    before, members = begun, 0
    for event in events:
        # What lies between two events was spent on the later one.
        took, before = event["time"] - before, event["time"]
        match event["event"]:
            case "started":
                seconds["start_up"] += took
            case "answer":
                seconds["model"] += took
            case "verdict" | "baseline":
                seconds["sandbox"] += took
            case "shares":
                at_once[event["training"]] = max(at_once.get(event["training"], 1), len(event["shares"]))
            case "trained":
                clocks.update(event["seconds"])
                processes = at_once.get(event["training"], 1)
                wall.update({part: seconds / processes for part, seconds in event["seconds"].items()})
                members += len(event["members"])
    seconds["evaluation"] = wall["evaluation"]
    seconds["training"] = sum(wall[part] for part in ("env", "policy", "learning", "compile"))
    seconds["disk"] = told["disk"] + wall["disk"]
    steps = sum(o["steps"] for e in events if e["event"] == "trained" for o in e["outcomes"] if "steps" in o)
    seconds["other"] = total - sum(seconds.values())
    return {
        "seconds": dict(seconds) | {"total": total},
        "training": {part: rounded(s) for part, s in clocks.items()},
        "trainings": members,
        "steps": steps,
        "events": len(events),
        "memory_mib": told["memory_mib"],
    }


def inside(told: Path, arguments: list[str]) -> None:
    """`eureka ARGUMENTS` in this process, which writes down what its disk took."""
    from eureka.__main__ import main as eureka
    from eureka.runs import store

    spent = 0.0
    deep = False

    def timed(original: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal spent, deep
            if deep:
                return original(*args, **kwargs)
            deep, start = True, time.perf_counter()
            try:
                return original(*args, **kwargs)
            finally:
                spent, deep = spent + time.perf_counter() - start, False

        return call

    for name in ("append", "write", "publish", "verified", "clear_scratch"):
        setattr(store.Run, name, timed(getattr(store.Run, name)))
    try:
        sys.exit(eureka(arguments))
    finally:
        helpers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
        memory = {"orchestrator": peak_mib(), "largest_helper": helpers}
        told.write_text(json.dumps({"disk": spent, "memory_mib": memory}))


if __name__ == "__main__":
    main()
