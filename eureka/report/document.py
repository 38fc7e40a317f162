"""`eureka report`: one HTML file that holds all there is to see of a run, and needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup

from eureka import __version__
from eureka.display import tables
from eureka.errors import UserError
from eureka.report.rendering import STATIC, anchor, render
from eureka.report.run_view import RunView, read
from eureka.runs import layout
from eureka.runs.journal import read_journal
from eureka.runs.store import at_work, untrusted_run
from eureka.system.files import output_file, write_whole

LARGEST = 2_000_000
"""Bytes; of a run whose texts would take more, the middles of long ones are left out."""
_BEGINNING = b"<!doctype html>"
_SHORTER = (24_000, 6_000, 1_500, 400)
"""Characters of a text that are shown, tried in this order."""


def write(folder: Path, out: Path | None = None) -> Path:
    """Write the report of a run, finished or not.

    Args:
        folder: the run's.
        out: the file; by default `report.html` in the folder.

    Raises:
        UserError: the run is damaged, or the file cannot be written.
    """
    target = out or folder / layout.REPORT
    text = document(folder).encode()
    with output_file(target):
        if target.exists() and not _is_report(target):
            raise UserError(f"{target} exists already and is no report; give another name with -o")
        write_whole(target, text)
    return target


def _is_report(path: Path) -> bool:
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        return file.read(len(_BEGINNING)) == _BEGINNING


def document(folder: Path) -> str:
    """The report's text."""
    reading, controls = read(read_journal(folder)), controls_of(folder)
    with untrusted_run(folder):
        text = ""
        for most in _SHORTER:
            text = render("report.html.j2", **_values(folder, reading, controls), most=most)
            if len(text.encode()) < LARGEST:
                break
        return text


def controls_of(folder: Path) -> dict[str, RunView]:
    """The searches that a comparison made for itself, by name."""
    found = sorted((folder / layout.CONTROLS).glob(f"*/{layout.RECORD}"))
    inside = [path.parent for path in found if path.resolve().is_relative_to(folder.resolve())]
    return {control.name: read(read_journal(control)) for control in inside}


def _values(folder: Path, reading: RunView, controls: dict[str, RunView]) -> dict[str, object]:
    return values_of(reading, controls, not reading.finished and at_work(folder)) | {
        "live": False,
        "link": lambda name: f"#c-{anchor(name)}",
        "style": Markup((STATIC / "style.css").read_text(encoding="utf-8")),  # noqa: S704 - shipped, and holds no `</style>`
    }


def values_of(reading: RunView, controls: Mapping[str, RunView], running: bool) -> dict[str, object]:
    """What the template of a run shows, in a report and on a live page."""
    return {
        "run": reading,
        "running": running,
        "controls": controls,
        "sheets": tables.sheets(reading.comparison),
        "robustness": tables.robustness(reading.comparison.arms),
        "remark": tables.remark(reading.comparison),
        "failures": failures(reading),
        "eureka_version": __version__,
    }


def failures(reading: RunView) -> dict[str, list[tuple[str, int, str, bool]]]:
    """What went wrong, by stage: candidate, attempt, message, and whether a later attempt mended it."""
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
