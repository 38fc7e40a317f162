"""Draws the lineage of candidates: a column per generation, with lines from parents to children."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from eureka.report import svg
from eureka.report.charts import SHAPES
from eureka.report.run_view import Entry, RunView
from eureka.text import number

_ROW, _COLUMN, _LABEL, _TOP = 22, 176, 104, 30  # px: height of a row; widths of a column and a label; top


def lineage(run: RunView) -> Markup:
    """Draw the lineage, with the ancestry of the best candidate highlighted."""
    entries = list(run.entries.values())
    generations = sorted({e.candidate.generation for e in entries})
    slots = sorted({e.candidate.slot for e in entries})
    places = {
        e.name: (
            12 + _COLUMN * generations.index(e.candidate.generation),
            _TOP + _ROW * slots.index(e.candidate.slot),
        )
        for e in entries
    }
    line = ancestors(run, run.best)
    drawn = [
        svg.element("text", f"generation {g}" if g else "start", x=12 + _COLUMN * i - 5, y=12, class_="tick")
        for i, g in enumerate(generations)
    ]
    chosen = [name for name in line if (parent := run.entries[name].parent) and parent in places]
    for entry in sorted(entries, key=lambda e: e.name in chosen):
        if entry.parent in places:
            thick = "edge chosen" if entry.name in chosen else "edge"
            drawn.append(svg.element("path", d=_edge(places[entry.parent], places[entry.name]), class_=thick))
    for entry in entries:
        drawn.append(_node(run, entry, *places[entry.name]))
    width = 12 + _COLUMN * (len(generations) - 1) + _LABEL + 16
    height = _TOP + _ROW * len(slots)
    return svg.element(
        "svg",
        svg.element("title", "Lineage"),
        svg.element("desc", _words(run, line)),
        *drawn,
        role="img",
        width=width,
        height=height,
        viewBox=f"0 0 {width} {height}",
        class_="lineage",
    )


def ancestors(run: RunView, entry: Entry | None) -> list[str]:
    """Names from the first ancestor to the candidate, inclusive."""
    line: list[str] = []
    while entry is not None and entry.name not in line:
        line.append(entry.name)
        entry = run.parent(entry)
    return line[::-1]


def _words(run: RunView, line: Sequence[str]) -> str:
    if not line:
        return f"{len(run.entries)} candidates, none trained"
    return f"{len(run.entries)} candidates; ancestry of the best: {' to '.join(line)}"


def _edge(start: tuple[float, float], end: tuple[float, float]) -> str:
    """A curve from the end of a parent's label to a child's mark."""
    x, y = start[0] + _LABEL, start[1]
    middle = (x + end[0] - 8) / 2
    return f"M{x} {y}C{middle:.0f} {y} {middle:.0f} {end[1]} {end[0] - 8} {end[1]}"


def _node(run: RunView, entry: Entry, x: float, y: float) -> Markup:
    fitness = number(entry.score) if entry.score is not None and entry.state != "failed" else entry.state
    best = run.best is entry
    parts = [
        svg.element("use", href="#m-halo", x=x, y=y, class_="mark halo") if best else Markup(),
        svg.element("use", href=f"#m-{SHAPES[entry.state]}", x=x, y=y, class_=f"mark {entry.state}"),
        svg.element("text", entry.name, x=x + 12, y=y + 4, class_="name strong" if best else "name"),
        svg.element("text", fitness, x=x + _LABEL - 6, y=y + 4, class_="tick", text_anchor="end"),
    ]
    return svg.element("g", *parts)
