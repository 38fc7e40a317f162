"""A whole search of BIRD's size, 8 x 5 trainings of 1 M steps, and what stable-baselines3 needs for one such training.

    python benchmarks/bird.py --folder OUT
    python benchmarks/bird.py --folder OUT --no-peer

The search is `eureka run hopper_hop --preset bird` on the command line, with the replies of a language model that are
recorded in `recorded/hopper_hop`, or with any designer of `--llm`. What it took to answer is given apart, and is no
part of `search`, which is compared. If OUT holds the run already, it is resumed: its time is then that of all its
sessions, each from the command to its end, or to the last event that an interrupted one wrote. Parts come from the
run's journal: what lies between two events was spent on the later one.

Afterwards, alone on the machine, stable-baselines3's PPO trains Hopper-v5 for a shorter stretch at its best number of
environments and threads, with our sizes of an update and with its own. Its time for one training is computed from that
rate, and that of all 40 is 40 times as long. `at_once` are as many trainings beside each other as there are cores. Its
times are of training alone; our search also evaluates, validates, and compares the winner with the task's rewards.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from contest import Contestant
from record import about, finish, parser, rounded, spread
from train import SB3_CHOICES, scouted

from eureka.config.settings import Learning, Settings
from eureka.runs.journal import read_record
from eureka.runs.layout import is_final, is_run, is_validation
from eureka.system.hardware import cores

TASK, ENVIRONMENT = "hopper_hop", "Hopper-v5"
RECORDED = Path(__file__).resolve().parent / "recorded" / TASK
DEFAULT = Learning(hidden=(64, 64), epochs=10, minibatches=32, learning_rate=3e-4)
"""The sizes of stable-baselines3's PPO if none are given, for 2048 samples an iteration."""
STRETCH = 5
"""Iterations of the peer in each timing."""
QUICK = {
    "name": "bird_quick",
    "task": f"gymnasium:{ENVIRONMENT}",
    "fitness": "info.distance",
    "presets": {
        "bird": {
            "generations": 2,
            "samples": 2,
            "worlds": 4,
            "steps": 1024,
            "final_seeds": 1,
            "finalists": 2,
            "validation_seeds": 1,
            "learning": {"horizon": 32, "hidden": [8], "epochs": 2, "minibatches": 2},
            "evaluation": {"checkpoints": 1, "selection_episodes": 2, "report_episodes": 4},
        }
    },
}


def main() -> None:
    """Measure, print, and keep the result."""
    made = parser(__doc__)
    made.add_argument("--folder", type=Path, help="of the run; what is there is resumed")
    made.add_argument("--llm", default=f"replay:{RECORDED}", help="the designer; default: the recorded replies")
    made.add_argument("--no-peer", action="store_true", help="the search alone")
    options = made.parse_args()
    if options.folder is None and not options.quick:
        made.error("--folder is missing: the folder in which the run is, or will be")
    with contextlib.ExitStack() as stack:
        task, llm = TASK, options.llm
        folder: Path = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if options.quick:
            task, llm = str(folder / "task.yaml"), "search"
            folder.mkdir(exist_ok=True)
            Path(task).write_text(json.dumps(QUICK))
        search(folder, task, llm)
        settings = read_record(folder / "run").settings
        found = about("bird", "gymnasium", "stable-baselines3") | {
            "task": TASK,
            "llm": settings.llm.partition(":")[0],
            "sizes": {name: getattr(settings, name) for name in ("generations", "samples", "steps", "worlds")},
            **summary(folder),
        }
    if not options.no_peer:
        found["sb3"] = peer(settings, options)
        total = found["seconds"]["search"]
        found["sb3_over_search"] = {
            name: {
                "one_after_another": rounded(of["seconds_of_all"] / total),
                "at_once": rounded(of["at_once"]["seconds_of_all"] / total),
            }
            for name, of in found["sb3"].items()
        }
    finish(found, options)


def search(folder: Path, task: str, llm: str) -> None:
    """Begin the run, or resume it, unless it is finished; when, is written to `sessions.json`."""
    run, record = folder / "run", folder / "sessions.json"
    sessions = json.loads(record.read_text()) if record.exists() and is_run(run) else []
    if is_run(run) and any(event["event"] == "finished" for event in events_of(run)):
        return
    command = ["resume", run] if is_run(run) else ["run", task, "--preset", "bird", "--llm", llm, "--out", run]
    folder.mkdir(parents=True, exist_ok=True)
    sessions.append({"begun": time.time(), "ended": None})
    record.write_text(json.dumps(sessions))
    done = subprocess.run(
        [sys.executable, "-m", "eureka", *map(str, command), "--yes"],
        stdout=sys.stderr,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    sessions[-1]["ended"] = time.time()
    record.write_text(json.dumps(sessions))
    if done.returncode:
        sys.exit(
            f"error: eureka {command[0]} ended with exit code {done.returncode}, see above; run this again to resume"
        )


def events_of(run: Path) -> list[dict[str, Any]]:
    """The journal's whole lines."""
    return [json.loads(line) for line in (run / "events.jsonl").read_text().split("\n")[:-1]]


def summary(folder: Path) -> dict[str, Any]:
    """Times and results of the finished run."""
    events = events_of(folder / "run")
    sessions = json.loads((folder / "sessions.json").read_text())
    seconds, generations = parts(events, spans(sessions, events))
    clocks: dict[str, float] = {}
    members: dict[tuple[str, int], int] = {}
    for event in events:
        if event["event"] == "trained":
            for part, took in event["seconds"].items():
                clocks[part] = clocks.get(part, 0.0) + took
            for member, outcome in zip(event["members"], event["outcomes"], strict=True):
                members[event["training"], member] = outcome.get("steps", 0)
    total = sum(seconds.values())
    end = next(event for event in reversed(events) if event["event"] == "finished")
    return {
        "sessions": len(sessions),
        "seconds": {part: rounded(s) for part, s in seconds.items()}
        | {"total": rounded(total, 4), "search": rounded(total - seconds["model"], 4)},
        "generation_seconds": {number: rounded(s) for number, s in sorted(generations.items())},
        "trainer_seconds": {part: rounded(s) for part, s in clocks.items()},
        "trainings": dict(Counter(_kind(training) for training, _ in members)),
        "training_steps": sum(members.values()),
        "prompts": sum(event["event"] == "answer" for event in events),
        "winner": end["winner"],
        "fitness": {arm["name"]: arm["fitness"] for arm in end["comparison"]["arms"]},
    }


def spans(sessions: list[dict[str, Any]], events: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """Begin and end of each session; one that was killed ended with its last event."""
    found = []
    for i, session in enumerate(sessions):
        following = sessions[i + 1]["begun"] if i + 1 < len(sessions) else float("inf")
        own = [event["time"] for event in events if session["begun"] <= event["time"] < following]
        found.append((session["begun"], session["ended"] or max(own, default=session["begun"])))
    return found


def parts(events: list[dict[str, Any]], spans: list[tuple[float, float]]) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds by part, which add up to all of the spans, and those of training for each generation."""
    names = ("start_up", "prompting", "model", "compiling", "generations", "validation", "final_comparison", "rest")
    seconds: dict[str, float] = dict.fromkeys(names, 0.0)
    generations: dict[str, float] = {}
    for begun, ended in spans:
        before, last = begun, None
        for event in events:
            if not begun <= event["time"] <= ended:
                continue
            took, before = event["time"] - before, event["time"]
            part = _part(event, last)
            seconds[part] += took
            if part == "generations":
                number = event["training"].split("-")[1]
                generations[number] = generations.get(number, 0.0) + took
            last = event["event"]
        seconds["rest"] += ended - before  # the report, and the end of all processes
    return seconds, generations


def _part(event: dict[str, Any], last: str | None) -> str:
    match event["event"]:
        case "started":
            return "start_up"
        case "prompt" if last == "started":  # before it, speed and memory are measured for the estimate
            return "start_up"
        case "prompt":
            return "prompting"
        case "answer":
            return "model"
        case "verdict":
            return "compiling"
        case "baseline" | "arms" | "cut" | "probed" | "finished":
            return "final_comparison"
    return _kind(event["training"]) if "training" in event else "rest"


def _kind(training: str) -> str:
    """What a training of this key in the journal is for."""
    if is_final(training):
        return "final_comparison"
    return "validation" if is_validation(training) else "generations"


def peer(settings: Settings, options: argparse.Namespace) -> dict[str, Any]:
    """stable-baselines3's times, for its own sizes of an update and for ours."""
    ours = {
        "samples": settings.worlds * settings.learning.horizon,
        "learning": settings.learning.model_dump(mode="json"),
    }
    own = {"samples": 2048, "learning": DEFAULT.model_dump(mode="json")}
    found: dict[str, Any] = {}
    for name, sizes in (("our_sizes", ours), ("its_sizes", own)):
        base = {"kind": "sb3", "environment": ENVIRONMENT, "options": {}, "seed": 0, "learning_rate": 3e-4} | sizes
        seen, best = scouted("sb3", base, SB3_CHOICES, options)
        one = rates([base | best], options)
        alone = [choice for choice in seen or SB3_CHOICES if not choice["subprocess"] and choice["torch_threads"] == 1]
        small = max(alone, key=lambda choice: choice.get("steps_per_second", 0.0))
        shared = {key: small[key] for key in best}
        several = rates([base | shared | {"seed": seed} for seed in range(cores())], options)
        trainings = settings.generations * settings.samples
        learning = {key: sizes["learning"][key] for key in ("hidden", "epochs", "minibatches")}
        found[name] = {
            "samples": sizes["samples"],
            **learning,
            "scouted": seen,
            "best": best,
            "measured_steps": (1 if options.quick else STRETCH * options.repeats) * sizes["samples"],
            "steps_per_second": spread(one),
            "seconds_of_one": rounded(settings.steps / spread(one)["median"]),
            "seconds_of_all": rounded(trainings * settings.steps / spread(one)["median"]),
            "at_once": {
                **shared,
                "trainings": cores(),
                "steps_per_second_of_all": spread(several),
                "seconds_of_all": rounded(trainings * settings.steps / spread(several)["median"]),
            },
        }
    return found


def rates(specs: list[dict[str, Any]], options: argparse.Namespace) -> list[float]:
    """Env-steps a second of all these trainings at once, of each repeat."""
    count, found = 1 if options.quick else STRETCH, []
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(Contestant("sb3", **given)) for given in specs]
        for contestant in running:
            contestant.iterate()
        for _ in range(1 if options.quick else options.repeats):
            begun = time.perf_counter()
            for contestant in running:
                contestant.tell(iterate=count)
            for contestant in running:
                contestant.answer()
            found.append(count * sum(c.steps for c in running) / (time.perf_counter() - begun))
    return found


if __name__ == "__main__":
    main()
