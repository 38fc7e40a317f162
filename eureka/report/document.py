"""`eureka report`: a self-contained HTML file with all data of a run."""

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
from eureka.runs.results import Comparison
from eureka.runs.store import at_work, untrusted_run
from eureka.system.files import output_file, write_whole

MAX_SIZE = 2_000_000  # Bytes; long texts are shortened to stay below this size
_PREFIX = b"<!doctype html>"
_TEXT_LENGTHS = (24_000, 6_000, 1_500, 400)  # Maximum characters of a text, tried in this order


def write(folder: Path, out: Path | None = None) -> Path:
    """Write the report of a run, finished or not; `out` defaults to `report.html` in its folder.

    Raises:
        UserError: the run is damaged, or the file cannot be written.
    """
    target = out or folder / layout.REPORT
    text = document(folder).encode()
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


def document(folder: Path) -> str:
    """Render the report."""
    reading, controls = read(read_journal(folder)), controls_of(folder)
    with untrusted_run(folder):
        text = ""
        for most in _TEXT_LENGTHS:
            text = render("report.html.j2", **_values(folder, reading, controls), most=most)
            if len(text.encode()) < MAX_SIZE:
                break
        return text


def controls_of(folder: Path) -> dict[str, RunView]:
    """Control searches of a comparison, by name."""
    found = sorted((folder / layout.CONTROLS).glob(f"*/{layout.RECORD}"))
    inside = [path.parent for path in found if path.resolve().is_relative_to(folder.resolve())]
    return {control.name: read(read_journal(control)) for control in inside}


def _values(folder: Path, reading: RunView, controls: dict[str, RunView]) -> dict[str, object]:
    return values_of(reading, controls, not reading.finished and at_work(folder)) | {
        "live": False,
        "link": lambda name: f"#c-{anchor(name)}",
        "style": Markup((STATIC / "style.css").read_text(encoding="utf-8")),  # noqa: S704 - shipped, without `</style>`
    }


def values_of(reading: RunView, controls: Mapping[str, RunView], running: bool) -> dict[str, object]:
    """Values for the template of a run, shared by the report and the live page."""
    return {
        "run": reading,
        "running": running,
        "controls": controls,
        **_of_comparison(reading.comparison, str(reading.conclusion)),
        "earlier": [(generations, end, _of_comparison(end.comparison)) for generations, end in reading.earlier],
        "failures": failures(reading),
        "eureka_version": __version__,
    }


def _of_comparison(comparison: Comparison, conclusion: str = "") -> dict[str, object]:
    return {
        "sheets": tables.sheets(comparison),
        "robustness": tables.robustness(comparison.arms),
        "remark": " ".join(filter(None, (conclusion, tables.remark(comparison)))),
    }


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
