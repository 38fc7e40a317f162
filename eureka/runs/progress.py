"""The progress that a training command reports: one JSON object a line of `progress.jsonl` (docs/external.md)."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eureka.config.settings import first_problem
from eureka.runs.candidate import Curves

PROGRESS = "progress.jsonl"
_LONGEST, _LARGEST = 1 << 20, 1 << 26  # bytes of a line, and of the file
_POINTS = 10  # of the curves that are kept

_Finite = Annotated[float, Field(allow_inf_nan=False, ge=-1e30, le=1e30)]
_Names = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]


class ProgressLine(BaseModel):
    """How a training stands. Means are over what came since the line before."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="A line of progress.jsonl")

    step: int = Field(ge=0, description="environment steps done so far; greater than in the line before")
    fitness: _Finite = Field(description="fitness of the policy as it is now, by its name and unit in the task's file")
    total: _Finite = Field(description="mean total reward per step")
    components: dict[_Names, _Finite] = Field(default={}, description="mean of each component of the reward per step")
    episode_length: _Finite | None = Field(default=None, description="mean length of episodes in training, steps")
    training_fitness: _Finite | None = Field(
        default=None, description="mean fitness of episodes in training, with exploration"
    )
    metrics: dict[_Names, _Finite] = Field(default={}, description="further measures of the policy")


class ProgressReader:
    """Reads a file that is being written."""

    def __init__(self, path: Path):
        """Read from the beginning of `path`, which may not exist yet."""
        self._path, self._offset = path, 0
        self._rest = b""
        self.lines: list[ProgressLine] = []

    def read(self) -> int:
        """Take up the lines that are complete; how many there were.

        Raises:
            ValueError: a line is not valid; with its number.
        """
        try:
            if not stat.S_ISREG(self._path.stat().st_mode):
                raise ValueError("it is not a regular file")
            with open(self._path, "rb") as file:
                if os.fstat(file.fileno()).st_size > _LARGEST:
                    raise ValueError(f"it is larger than {_LARGEST >> 20} MB")
                file.seek(self._offset)
                text = self._rest + file.read()
                self._offset = file.tell()
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise ValueError(error.strerror) from None
        *lines, self._rest = text.split(b"\n")
        if max(map(len, (*lines, self._rest)), default=0) > _LONGEST:
            raise ValueError(f"line {len(self.lines) + 1} is longer than {_LONGEST >> 20} MB")
        for line in lines:
            self._take(line)
        return len(lines)

    def end(self) -> None:
        """Raise `ValueError` if the file ends within a line."""
        if self._rest.strip():
            raise ValueError(f"line {len(self.lines) + 1} is not complete: the file ends within it")

    def _take(self, text: bytes) -> None:
        place = f"line {len(self.lines) + 1}"
        try:
            line = ProgressLine.model_validate_json(text, strict=True)
        except ValidationError as error:
            if error.errors()[0]["type"] == "json_invalid":
                raise ValueError(f"{place} is not a JSON object: {text[:80].decode('utf-8', 'replace')!r}") from None
            problem = first_problem(ProgressLine, error)[1].removeprefix(": ")
            raise ValueError(f"{place}: {problem}") from None
        if self.lines and line.step <= self.lines[-1].step:
            raise ValueError(f"{place}: step {line.step} does not come after step {self.lines[-1].step}")
        self.lines.append(line)


def curves(lines: Sequence[ProgressLine], sign: float = 1.0) -> Curves:
    """Curves of at most ten points, the last line among them. `sign` -1 turns a fitness round of which less is better.

    Fitness and metrics are those of the lines that are kept; the rest are means over the lines since the one before.
    The least and greatest values of components are those of the reported means.
    """
    count = min(len(lines), _POINTS)
    ends = [-(-len(lines) * (k + 1) // count) for k in range(count)]
    parts = [lines[a:b] for a, b in pairwise([0, *ends])]
    kept = [part[-1] for part in parts]

    def mean(values: Sequence[float | None]) -> float | None:
        known = [v for v in values if v is not None]
        return fmean(known) if known else None

    def named(of: str, take: Callable[[list[float]], float]) -> dict[str, list[float]]:
        rows = [[getattr(line, of) for line in part] for part in parts]
        names = [name for name in rows[0][0] if all(name in row for part in rows for row in part)]
        return {name: [take([row[name] for row in part]) for part in rows] for name in names}

    noisy = [mean([line.training_fitness for line in part]) for part in parts]
    return Curves(
        steps=[line.step for line in kept],
        fitness=[sign * line.fitness for line in kept],
        training_fitness=[None if f is None else sign * f for f in noisy],
        episode_length=[mean([line.episode_length for line in part]) for part in parts],
        total=[fmean(line.total for line in part) for part in parts],
        components=named("components", fmean),
        least=named("components", min),
        greatest=named("components", max),
        kl=[],
        learning_rate=[],
        action_std=[],
        metrics=named("metrics", lambda values: values[-1]),
    )
