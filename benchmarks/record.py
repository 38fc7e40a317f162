"""What every benchmark says of itself, and where its results are kept."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import re
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from eureka.experiment.session import versions
from eureka.system.hardware import DEVICES, cores, gpu

HISTORY = Path(__file__).parent / "history"


def about(benchmark: str, *packages: str) -> dict[str, Any]:
    """Date, commit (with a mark if the tree was changed), versions (also of `packages`) and machine.

    Where git is not, BENCHMARK_COMMIT may say the commit.
    """
    return {
        "benchmark": benchmark,
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "commit": os.environ.get("BENCHMARK_COMMIT") or _commit(),
        "versions": versions() | {name: version(name) for name in packages},
        "machine": {"processor": _processor(), "cores": cores(), "memory_gib": _memory(), "gpu": gpu() or None},
    }


def keep(record: dict[str, Any]) -> None:
    """Add a line to the benchmark's history."""
    HISTORY.mkdir(exist_ok=True)
    with (HISTORY / f"{record['benchmark']}.jsonl").open("a") as history:
        history.write(json.dumps(record) + "\n")


def newest(folder: Path, benchmark: str, **wanted: Any) -> dict[str, Any] | None:
    """The last line of a benchmark's history that has these contents."""
    path = folder / f"{benchmark}.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    records = (json.loads(line) for line in reversed(lines))
    return next((r for r in records if all(r.get(k) == v for k, v in wanted.items())), None)


def parser(doc: str) -> argparse.ArgumentParser:
    """The options that all benchmarks have."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--repeats", type=int, default=5, help="of each timing, in turns; medians are reported")
    made.add_argument("--quick", action="store_true", help="tiny sizes and one repeat: does it run at all?")
    made.add_argument("--no-history", action="store_true", help="print only")
    made.add_argument("--device", default="cpu", choices=DEVICES, help="where our own part runs")
    made.add_argument("--threads", type=int, default=cores(), help="of the CPU physics and learner")
    return made


def finish(found: dict[str, Any], options: argparse.Namespace) -> None:
    """Print a result, and keep it unless it is not to be kept; quick ones never are."""
    print(json.dumps(found, indent=2))
    if not (options.no_history or options.quick):
        keep(found)


def rounded(value: float, digits: int = 3) -> float:
    """`value` to so many significant digits: more would claim a precision that no timing has."""
    return float(f"{value:.{digits}g}")


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, smallest and largest of repeats."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    median = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    return {"median": rounded(median), "least": rounded(ordered[0]), "most": rounded(ordered[-1])}


def peak_mib(pid: int | str = "self") -> int:
    """The most memory that a process has had so far, in MiB (the kernel's VmHWM)."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(found.group(1)) >> 10 if found else 0


def _commit() -> str:
    try:
        done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"


def _processor() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return f"{platform.machine()}, {found.group(1)}" if found else platform.machine()


def _memory() -> float:
    found = re.search(r"^MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return round(int(found.group(1)) / 2**20, 1) if found else 0.0
