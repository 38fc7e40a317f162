"""What every benchmark says of itself, and where its results are kept."""

from __future__ import annotations

import datetime
import json
import platform
import subprocess
from pathlib import Path
from typing import Any

from eureka.session import versions
from eureka.workers import cores

_HISTORY = Path(__file__).parent / "history"


def about(benchmark: str) -> dict[str, Any]:
    """Date, commit (with a mark if the tree was changed), versions and machine."""
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return {
        "benchmark": benchmark,
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "commit": done.stdout.strip() or "unknown",
        "versions": versions(),
        "machine": {"processor": platform.machine(), "cores": cores()},
    }


def keep(record: dict[str, Any]) -> None:
    """Add a line to the benchmark's history."""
    _HISTORY.mkdir(exist_ok=True)
    with (_HISTORY / f"{record['benchmark']}.jsonl").open("a") as history:
        history.write(json.dumps(record) + "\n")
