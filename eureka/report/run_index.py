"""Index of the runs in a folder. Runs are found by their `run.json`; journals are read incrementally."""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from eureka.errors import UserError
from eureka.report.run_view import RunView, read
from eureka.runs import layout
from eureka.runs.journal import Journal, stamp_of
from eureka.runs.store import at_work, untrusted_run

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_CACHE_SIZE = 12  # Journals kept in memory
_LOCK_INTERVAL = 2.0  # s between two checks of a run's lock


@dataclass(frozen=True)
class Row:
    """A run in the list of runs."""

    address: str
    name: str
    task: str
    designer: str
    state: str  # running, interrupted, finished, or damaged
    words: str  # Progress or error
    began: float | None
    best: str
    fitness: float | None


class RunIndex:
    """Runs by address: their path relative to the root, or a hash if it does not fit into a URL."""

    def __init__(self, root: Path):
        """Index all runs in `root` and its subfolders, or `root` itself if it is a run."""
        self.root = root.resolve()
        self._base = self.root.parent if layout.is_run(self.root) else self.root
        self._lock = threading.RLock()  # pages are rendered in several threads
        self._journals: OrderedDict[Path, tuple[Journal, RunView | None]] = OrderedDict()
        self._rows: dict[str, tuple[str, Row]] = {}
        self._working: dict[Path, tuple[float, bool]] = {}

    def runs(self) -> dict[str, Path]:
        """Folders of all runs by address. Symbolic links and subfolders of runs are not followed."""
        found = sorted(layout.runs_below(self.root), key=lambda folder: os.fsencode(folder))
        return {self._address(folder): folder for folder in found}

    def _address(self, folder: Path) -> str:
        relative = str(folder.relative_to(self._base))
        if _PLAIN.fullmatch(relative):
            return relative
        return f"by-hash/{hashlib.sha256(os.fsencode(relative)).hexdigest()[:20]}"

    def folder(self, address: str) -> Path | None:
        """Folder of the run at an untrusted address; None if it does not exist."""
        return self.runs().get(address)

    def view(self, folder: Path) -> RunView:
        """The current state of a run; UserError if it is damaged."""
        with self._lock:
            journal, known = self._journals.pop(folder, None) or (Journal(folder), None)
            if journal.refresh() or known is None:  # kept again only if it can be read
                known = read(journal)
            self._journals[folder] = journal, known
            while len(self._journals) > _CACHE_SIZE:
                self._journals.popitem(last=False)
            return known

    def rows(self) -> list[Row]:
        """All runs: running ones first, then by start time."""
        rows = [self._row(address, folder) for address, folder in self.runs().items()]
        return sorted(rows, key=lambda row: (row.state != "running", -(row.began or 0.0), row.address))

    def _row(self, address: str, folder: Path) -> Row:
        stamp = self.version(folder)
        with self._lock:
            known = self._rows.get(address)
        if known and known[0] == stamp:
            return known[1]
        name = str(folder.relative_to(self._base))
        try:
            with untrusted_run(folder):
                row = self._summary(address, name, folder)
        except UserError as error:
            row = Row(address, name, "?", "?", "damaged", str(error), None, "", None)
        with self._lock:
            self._rows[address] = stamp, row
        return row

    def _summary(self, address: str, name: str, folder: Path) -> Row:
        run = self.view(folder)
        best = run.best
        arms = ", ".join(run.arms) or "none yet"
        return Row(
            address=address,
            name=name,
            task=run.settings.title(run.task),
            designer=run.settings.llm if run.searching else f"none: {arms}",
            state=self.state(run, folder),
            words=run.progress.words,
            began=run.costs.began,
            best=best.name if best else "",
            fitness=best.score if best else _only_arm(run),
        )

    def version(self, folder: Path | None = None) -> str:
        """A token that changes whenever the pages of this run, or of all runs, change."""
        folders = self.runs().values() if folder is None else [folder]
        stamps = [(str(f), stamp_of(f / layout.RECORD), stamp_of(f / layout.JOURNAL), self.running(f)) for f in folders]
        return hashlib.sha256(repr(stamps).encode(errors="replace")).hexdigest()[:16]

    def running(self, folder: Path) -> bool:
        """Whether a process works on an unfinished run; cached for a few seconds."""
        now = time.monotonic()
        with self._lock:
            asked, known = self._working.get(folder, (-_LOCK_INTERVAL, False))
            if now - asked < _LOCK_INTERVAL:
                return known
            _, run = self._journals.get(folder, (None, None))
            known = not (run and run.finished) and at_work(folder)
            self._working[folder] = now, known
            return known

    def state(self, run: RunView, folder: Path) -> str:
        """Return finished, running or interrupted."""
        if run.finished:
            return "finished"
        return "running" if self.running(folder) else "interrupted"


def _only_arm(run: RunView) -> float | None:
    return run.comparison.arms[0].mean if len(run.comparison.arms) == 1 else None
