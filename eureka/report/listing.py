"""Sorts and filters the list of runs by the query of its address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from eureka.report.run_index import Row

_KEYS: dict[str, Callable[[Row], Any]] = {
    "run": lambda row: row.name.casefold(),
    "task": lambda row: row.task.casefold(),
    "state": lambda row: row.state,
    "best": lambda row: [int(part) for part in row.best.split(".")] if row.best else None,
    "fitness": lambda row: row.fitness,
    "designer": lambda row: row.designer.casefold(),
    "started": lambda row: row.began,
    "duration": lambda row: row.elapsed,
}
COLUMNS = tuple(_KEYS)


@dataclass(frozen=True)
class Listing:
    """The rows that are shown, and what selected them. Unknown values select nothing; an unknown order is ignored."""

    every: Sequence[Row]
    q: str = ""  # Words of the name, task or designer
    task: str = ""
    state: str = ""
    sort: str = ""  # A column, after "-" in descending order; else running runs first, then by start

    @property
    def rows(self) -> list[Row]:
        """Selected rows in order; those without a value for the column are last."""
        words = self.q.casefold().split()
        found = [row for row in self.every if self._selects(row, words)]
        key = _KEYS.get(self.sort.removeprefix("-"))
        if key is None:
            return found
        known = [row for row in found if key(row) is not None]
        ordered = sorted(known, key=key, reverse=self.sort.startswith("-"))
        return ordered + [row for row in found if key(row) is None]

    def _selects(self, row: Row, words: Sequence[str]) -> bool:
        text = f"{row.name} {row.task} {row.designer}".casefold()
        return self.task in ("", row.task) and self.state in ("", row.state) and all(word in text for word in words)

    def choices(self, field: str) -> list[str]:
        """All values of a field, with the one that is asked for."""
        return sorted({getattr(of, field) for of in (self, *self.every)} - {""})

    def link(self, column: str) -> str:
        """Address of the same selection, sorted by this column; in the other direction if it already is."""
        chosen = {"q": self.q, "task": self.task, "state": self.state}
        sort = f"-{column}" if self.sort == column else column
        return "/?" + urlencode({key: value for key, value in chosen.items() if value} | {"sort": sort})

    def direction(self, column: str) -> str | None:
        """Value of `aria-sort` for a column; None if the list is not sorted by it."""
        return {column: "ascending", f"-{column}": "descending"}.get(self.sort)
