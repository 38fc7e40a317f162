"""Every benchmark on a GPU, in under nine minutes, each in a process of its own with a limit; results as they come.

    python benchmarks/gpu.py --out FOLDER
    python benchmarks/gpu.py --out FOLDER --device warp-cpu --quick
    python benchmarks/gpu.py --keep FOLDER

FOLDER gets `results.jsonl`, a line a part, and `log`. The parts that say most come first: a machine with nothing in its
kernel cache compiles for half a minute or more before a scene's first step, and the last parts may find no time left.
--keep adds a folder's results, brought from another machine, to benchmarks/history. Our own ant stands for gymnasium's
Ant-v5, whose scene (five time steps of RK4) would take most of the time.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

from record import keep

from eureka.system.hardware import DEVICES

BUDGET = 525.0
"""s for all parts together."""
PARTS: dict[str, tuple[list[str], float]] = {
    "physics cartpole": (["physics", "cartpole", "--members", "16", "--worlds", "1024"], 100),
    "solve cartpole": (["train", "--task", "cartpole", "--until", "475", "--seeds", "2", "--peers", ""], 60),
    "population": (["population", "--worlds", "1024", "--sizes", "1", "16", "--ways", "one"], 90),
    "physics ant": (["physics", "ant", "--members", "4", "--worlds", "1024"], 110),
    "train ant": (["train", "--task", "ant", "--peers", "rsl"], 90),
    "physics shadow_hand": (["physics", "shadow_hand", "--members", "4", "--worlds", "2048"], 180),
    "memory": (["population", "--memory", "shadow_hand"], 80),
    "physics humanoid": (["physics", "humanoid", "--members", "4", "--worlds", "2048"], 120),
    "loop": (["loop", "cartpole"], 60),
}
"""Script and arguments of each part, and the s that it may take."""
QUICK = {"ant": "cartpole", "shadow_hand": "cartpole", "humanoid": "cartpole"}
"""In small, all scenes are the one that compiles soonest."""


def command(name: str, options: argparse.Namespace) -> list[str]:
    """The process of a part."""
    script, *arguments = PARTS[name][0]
    if options.quick:
        arguments = [QUICK.get(argument, argument) for argument in arguments]
    made = [sys.executable, str(Path(__file__).parent / f"{script}.py"), *arguments, "--no-history"]
    made += ["--quick"] if options.quick else []
    if script == "loop":
        return [*made, "--", "--device", options.device]
    return [*made, "--device", options.device]


def attempted(name: str, options: argparse.Namespace, left: float, log: IO[str]) -> dict[str, Any]:
    """One part's result, or why there is none."""
    start, limit = time.perf_counter(), min(PARTS[name][1], left)
    if limit < 10:
        return {"part": name, "seconds": 0.0, "problem": "no time left"}
    process = subprocess.Popen(
        command(name, options), stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
    )
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return {"part": name, "seconds": round(limit, 1), "problem": f"not done after {limit:.0f} s"}
    taken = {"part": name, "seconds": round(time.perf_counter() - start, 1)}
    if process.returncode:
        return taken | {"problem": f"ended with exit code {process.returncode}; see the log"}
    return taken | {"result": json.loads(output)}


def main() -> None:
    """Run all parts, or keep what they gave."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=os.environ.get("OUT"), help="folder for results; default $OUT")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="add that folder's results to the histories")
    parser.add_argument("--device", default="cuda", choices=DEVICES)
    parser.add_argument("--quick", action="store_true", help="tiny sizes, once: does it run at all?")
    parser.add_argument("--only", choices=PARTS, nargs="+", metavar="PART", help=", ".join(PARTS))
    options = parser.parse_args()
    if options.keep:
        for line in (options.keep / "results.jsonl").read_text().splitlines():
            part = json.loads(line)
            if "result" in part:
                keep(part["result"])
        return
    if options.out is None:
        parser.error("--out FOLDER says where the results go")
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    begun = time.perf_counter()
    with (folder / "results.jsonl").open("w") as results, (folder / "log").open("w") as log:
        for name in options.only or PARTS:
            print(f"\n== {name}", file=log, flush=True)
            part = attempted(name, options, BUDGET - (time.perf_counter() - begun), log)
            results.write(json.dumps(part) + "\n")
            results.flush()
            print(f"{name}: {part['seconds']} s {part.get('problem', '')}", flush=True)


if __name__ == "__main__":
    main()
