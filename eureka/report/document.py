"""`eureka report`: a self-contained HTML file with all data of a run."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from eureka import __version__
from eureka.display import tables
from eureka.display.conclusion import Conclusion
from eureka.errors import UserError
from eureka.report.rendering import STATIC, anchor, render
from eureka.report.run_view import RunView, read
from eureka.report.thumbnails import first_frame
from eureka.runs import layout
from eureka.runs.journal import read_journal
from eureka.runs.results import Comparison
from eureka.runs.store import at_work, untrusted_run
from eureka.system.files import output_file, write_whole
from eureka.text import command

MAX_SIZE = 2_000_000  # Bytes; long texts are shortened to stay below this size
MAX_FILM = 2_000_000  # Bytes of an embedded film
_PREFIX = b"<!doctype html>"
_TEXT_LENGTHS = (24_000, 6_000, 1_500, 400)  # Maximum characters of a text, tried in this order


@dataclass(frozen=True)
class Embedded:
    """A film inside a page."""

    uri: str  # A data URI
    alt: str
    still: str  # A data URI of its first frame, for readers who prefer reduced motion; empty without one


def embed(data: bytes, mime: str, alt: str) -> Embedded:
    """A film for `write`."""
    return Embedded(_uri(data, mime), alt[:1].upper() + alt[1:], _uri(first_frame(data), mime))


def _uri(data: bytes, mime: str) -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}" if data else ""


def film_of(folder: Path, winner: str) -> Embedded | None:
    """The film in a run's folder; None without one, and for a file of another kind or of more than `MAX_FILM`."""
    path = folder / layout.FILM
    if not path.is_file() or path.is_symlink() or path.stat().st_size > MAX_FILM:
        return None
    data = path.read_bytes()
    return embed(data, "image/webp", f"Film of the policy trained with {winner}") if data[8:12] == b"WEBP" else None


def write(folder: Path, out: Path | None = None, film: Embedded | None = None) -> Path:
    """Write the report of a run, finished or not; `out` defaults to `report.html` in its folder.

    A film given here replaces the one in the folder.

    Raises:
        UserError: the run is damaged, or the file cannot be written.
    """
    target = out or folder / layout.REPORT
    text = document(folder, film).encode()
    with output_file(target):
        if target.exists() and not _is_report(target):
            raise UserError(f"{target} exists already and is not a report; give another name with -o")
        write_whole(target, text)
    return target


def _is_report(path: Path) -> bool:
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        return file.read(len(_PREFIX)) == _PREFIX


def document(folder: Path, film: Embedded | None = None) -> str:
    """Render the report."""
    reading, controls = read(read_journal(folder)), controls_of(folder)
    with untrusted_run(folder):
        text = ""
        values = _values(folder, reading, controls)
        values["film"] = film or values["film"]
        room = MAX_SIZE + (len(values["film"].uri + values["film"].still) if values["film"] else 0)
        for most in _TEXT_LENGTHS:
            text = render("report.html.j2", **values, most=most)
            if len(text.encode()) < room:
                break
        return text


def controls_of(folder: Path) -> dict[str, RunView]:
    """Control searches of a comparison, by name."""
    found = sorted((folder / layout.CONTROLS).glob(f"*/{layout.RECORD}"))
    inside = [path.parent for path in found if path.resolve().is_relative_to(folder.resolve())]
    return {control.name: read(read_journal(control)) for control in inside}


def _values(folder: Path, reading: RunView, controls: dict[str, RunView]) -> dict[str, Any]:
    return values_of(folder, reading, controls, not reading.finished and at_work(folder)) | {
        "live": False,
        "link": lambda name: f"#c-{anchor(name)}",
        "style": Markup((STATIC / "style.css").read_text(encoding="utf-8")),  # noqa: S704 - shipped, without `</style>`
    }


def values_of(folder: Path, reading: RunView, controls: Mapping[str, RunView], running: bool) -> dict[str, Any]:
    """Values for the template of a run, shared by the report and the live page."""
    return {
        "run": reading,
        "running": running,
        "resume": command("resume", folder),
        "controls": controls,
        **_of_comparison(reading.comparison),
        "earlier": [(generations, end, _of_comparison(end.comparison)) for generations, end in reading.earlier],
        "verdict": verdict(reading),
        "film": film_of(folder, reading.winner or "the best reward"),
        "failures": failures(reading),
        "eureka_version": __version__,
        "asked": None,  # for remarks, which a report cannot take
    }


def _of_comparison(comparison: Comparison) -> dict[str, object]:
    return {
        "sheets": tables.sheets(comparison),
        "robustness": tables.robustness(comparison.arms),
        "remark": tables.remark(comparison),
    }


def verdict(run: RunView) -> Conclusion:
    """The conclusion of a run; before its end, the best fitness so far."""
    if run.finished:
        return run.conclusion
    scored = [e for e in run.entries.values() if e.score is not None]
    best = run.best or max(scored, key=lambda e: e.score or 0.0, default=None)
    if best is None:
        return Conclusion("No candidate has a fitness yet." if run.searching else "")
    trained = "" if best.state == "trained" else ", still in training"
    fitness = f"{best.fitness}{best.margin} {run.unit}".rstrip()
    return Conclusion(f"Best so far: candidate {best.name}{trained}, with an estimated fitness of {fitness}.")


def failures(reading: RunView) -> dict[str, list[tuple[str, int, str, bool]]]:
    """Failures by stage: candidate, attempt, message, and whether a later attempt repaired it."""
    found: dict[str, list[tuple[str, int, str, bool]]] = {}
    for entry in reading.entries.values():
        last = entry.attempts[-1].number if entry.attempts else 0
        for attempt in entry.attempts:
            failed = attempt.failed or (entry.candidate.failed if attempt.number == last else None)
            if failed is not None:
                where = f"line {failed.line}: " if failed.line else ""
                mended = attempt.number < last and entry.state != "failed"
                found.setdefault(failed.stage, []).append((entry.name, attempt.number, where + failed.message, mended))
    return found
