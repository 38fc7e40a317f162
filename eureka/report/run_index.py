"""Index of the runs in a folder. Runs are found by their `run.json`; journals are read incrementally."""

from __future__ import annotations

import hashlib
import itertools
import math
import os
import re
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from eureka.errors import UserError
from eureka.report.run_view import RunView, read
from eureka.report.thumbnails import sparkline
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
    state: str  # running, interrupted, finished, damaged, or unread
    words: str = ""  # Progress or error
    share: float = 0.0  # Completed fraction
    end: float | None = None  # Estimated time of the end in s since 1970
    began: float | None = None
    elapsed: float | None = None  # s from the first record to the last
    best: str = ""
    fitness: float | None = None
    figure: str = "-"  # The fitness with the digits of the run's pages
    picture: Markup = Markup()  # noqa: RUF009 - immutable; of the best fitness by generation
    film: bool = False
    folder: Path = Path()


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
        self._reader: threading.Thread | None = None

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

    def rows(self, within: float = math.inf) -> list[Row]:
        """All runs: running ones first, then by start time.

        Runs that cannot be read `within` so many s have the state "unread", and are read in the background.
        """
        runs, until = self.runs(), time.monotonic() + within
        newest_first = sorted(runs.items(), key=lambda pair: self._made(pair[1]), reverse=True)
        rows = [self._row(*pair, until) for pair in newest_first]
        if any(row.state == "unread" for row in rows) and not (self._reader and self._reader.is_alive()):
            self._reader = threading.Thread(target=self.rows)
            self._reader.start()
        return sorted(rows, key=lambda row: (row.state != "running", -(row.began or 0.0), row.address))

    def row(self, address: str) -> Row:
        """The run at an address that exists."""
        return self._row(address, self.runs()[address], math.inf)

    @staticmethod
    def _made(folder: Path) -> int:
        """Time at which a run was made, in ns."""
        stamp = stamp_of(folder / layout.RECORD)
        return stamp[2] if stamp else 0

    def _row(self, address: str, folder: Path, until: float) -> Row:
        """The row of a run, from the cache or from its files if it is not too late for that."""
        stamp, name = self.version(folder), str(folder.relative_to(self._base))
        with self._lock:
            known = self._rows.get(address)
        if known and known[0] == stamp:
            return known[1]
        if time.monotonic() > until or not threading.main_thread().is_alive():  # as the process ends
            return Row(address, name, "", "", "unread", folder=folder)
        try:
            with untrusted_run(folder):
                row = self._summary(address, name, folder)
        except UserError as error:
            row = Row(address, name, "?", "?", "damaged", str(error), folder=folder)
        with self._lock:
            self._rows[address] = stamp, row
        return row

    def _summary(self, address: str, name: str, folder: Path) -> Row:
        run = self.view(folder)
        best, rounds = run.best, _rounds(run)
        arms = ", ".join(run.arms) or "none yet"
        fitness = best.score if best else rounds[-1] if rounds else _only_arm(run)
        return Row(
            address=address,
            name=name,
            task=run.settings.title(run.task),
            designer=run.settings.llm if run.searching else f"none: {arms}",
            state=self.state(run, folder),
            words=run.progress.words,
            share=run.progress.share,
            end=run.progress.end,
            began=run.costs.began,
            elapsed=run.costs.elapsed,
            best=best.name if best else "",
            fitness=fitness,
            figure="-" if fitness is None else run.digits(fitness),
            picture=sparkline(rounds),
            film=self.film(folder) is not None,
            folder=folder,
        )

    def film(self, folder: Path) -> Path | None:
        """The film of a run's winner; None without one. Links are not followed."""
        path = folder / layout.FILM
        return path if path.is_file() and not path.is_symlink() else None

    def version(self, folder: Path | None = None) -> str:
        """A token that changes whenever the pages of this run, or of all runs, change."""
        folders = self.runs().values() if folder is None else [folder]
        files = (layout.RECORD, layout.JOURNAL, layout.FILM, layout.REMARKS)
        stamps = [(str(f), *(stamp_of(f / file) for file in files), self.running(f)) for f in folders]
        stamps += [len(self._rows)] if folder is None else []  # the list changes as runs are read
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


def _rounds(run: RunView) -> tuple[float, ...]:
    """Best fitness so far by generation, with trainings that are not over."""
    scores: dict[int, float] = {}
    for entry in run.entries.values():
        if entry.state in ("trained", "training") and entry.score is not None and math.isfinite(entry.score):
            generation = entry.candidate.generation
            scores[generation] = max(scores.get(generation, entry.score), entry.score)
    return tuple(itertools.accumulate((scores[g] for g in sorted(scores) if g), max))
