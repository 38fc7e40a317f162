"""Report the progress of a training to eureka. Copy this file beside your training script; it needs no package.

    progress = Progress()                                   # in the folder that eureka gives
    ...
    progress.add(total, components)                         # after each step, or as often as you like
    progress.line(step, fitness, metrics={"speed": 1.2})    # at each evaluation, and once at the end

The format is in docs/external.md: one JSON object a line of progress.jsonl.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_TOTAL = "total"  # no component has this name


class Progress:
    """Writes progress.jsonl; components are averaged since the last line."""

    def __init__(self, folder: str | None = None):
        """Write to `folder`, by default the one of EUREKA_OUT."""
        self._file = (Path(folder or os.environ["EUREKA_OUT"]) / "progress.jsonl").open("w")
        self._sums: dict[str, float] = {}
        self._count = 0

    def add(self, total: Any, components: Mapping[str, Any]) -> None:
        """Take up the rewards of a batch of any size: numbers, arrays or tensors, one for each step or world."""
        self._count += len(total) if getattr(total, "shape", ()) else 1
        for name, values in {_TOTAL: total, **components}.items():
            value = float(values.sum()) if hasattr(values, "sum") else float(values)
            self._sums[name] = self._sums.get(name, 0.0) + value

    def line(self, step: int, fitness: float, **more: Any) -> None:
        """Write a line: environment steps so far, the fitness now, and further keys of the format."""
        means = {name: total / self._count for name, total in self._sums.items()}
        total = means.pop(_TOTAL, 0.0)
        data = {"step": int(step), "fitness": float(fitness), "total": total, "components": means, **more}
        self._file.write(json.dumps({key: value for key, value in data.items() if value is not None}) + "\n")
        self._file.flush()
        self._sums, self._count = {}, 0


def load_reward(path: str | None = None) -> Callable[..., Any]:
    """`compute_reward` of the module at `path`, by default the one of EUREKA_REWARD."""
    spec = importlib.util.spec_from_file_location("eureka_reward", path or os.environ["EUREKA_REWARD"])
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.compute_reward
