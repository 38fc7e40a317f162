"""Draws the lineage of candidates: a column per generation, with lines from parents to children."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from eureka.report import svg
from eureka.report.charts import SHAPES
from eureka.report.run_view import Entry, RunView
from eureka.text import shown

_ROW, _TOP = 24, 34  # px: height of a row; the first row
_LABEL = 0.62  # Share of a column that its labels take; the lines to the next generation take the rest
_SIZES = ((1, "one"), (3, "few"), (6, "some"), (12, "many"))  # Most generations, and the class with the least width


def lineage(run: RunView) -> Markup:
    """Draw the lineage, with the ancestry of the best candidate highlighted."""
    entries = list(run.entries.values())
    generations = sorted({e.candidate.generation for e in entries})
    slots = sorted({e.candidate.slot for e in entries})
    column = svg.WIDTH / (len(generations) - 1 + _LABEL)
    places = {
        e.name: (column * generations.index(e.candidate.generation), float(_TOP + _ROW * slots.index(e.candidate.slot)))
        for e in entries
    }
    line = ancestors(run, run.best)
    chosen = [name for name in line if (parent := run.entries[name].parent) and parent in places]
    pairs = [(name == e.parent and e.name in chosen, name, e) for e in entries for name in e.candidate.parents]
    edges = [
        svg.element("path", d=_edge(places[name], places[e.name], column), class_=f"edge{' chosen' * held}")
        for held, name, e in sorted(pairs, key=lambda pair: pair[0])
        if name in places
    ]
    height = float(_TOP + _ROW * len(slots))
    titles = [svg.text(f"generation {g}" if g else "start", column * i, 12, "tick") for i, g in enumerate(generations)]
    size = next((name for most, name in _SIZES if len(generations) <= most), "most")
    nodes = [_node(run, entry, *places[entry.name], _LABEL * column) for entry in entries]
    ancestry = f"; ancestry of the best: {' to '.join(line)}" if line else ", none trained"
    parts = (*titles, svg.stretch(Markup().join(edges), height), *nodes)
    return svg.picture(
        "Lineage", f"{len(entries)} candidates{ancestry}", *parts, height=height, class_=f"lineage {size}"
    )


def ancestors(run: RunView, entry: Entry | None) -> list[str]:
    """Names from the first ancestor to the candidate, inclusive."""
    line: list[str] = []
    while entry is not None and entry.name not in line:
        line.append(entry.name)
        entry = run.parent(entry)
    return line[::-1]


def _edge(start: Sequence[float], end: Sequence[float], column: float) -> str:
    """A curve from the end of a parent's label to a child's mark."""
    x, to = start[0] + _LABEL * column, end[0] - 0.02 * column
    middle = (x + to) / 2
    return f"M{x:.1f} {start[1]}C{middle:.1f} {start[1]} {middle:.1f} {end[1]} {to:.1f} {end[1]}"


def _node(run: RunView, entry: Entry, across: float, down: float, width: float) -> Markup:
    """A candidate's mark, name, fitness and components; the components are cut by the stylesheet."""
    best = run.best is entry
    components = " + ".join(map(shown, entry.curves.components)) if entry.curves else ""
    value = entry.fitness if entry.fitness != "-" else entry.state
    label = svg.element(
        "div",
        svg.element("span", entry.name, class_="name"),
        svg.element("span", value, class_="value"),
        svg.element("span", components, class_="what"),
        class_="node best" if best else "node",
    )
    drawn = [svg.mark("halo", across, down, "", "halo")] if best else []
    drawn.append(svg.mark(SHAPES[entry.state], across, down, f"{entry.name}: {entry.state}", entry.state))
    place = {"x": svg.percent(across), "y": down - 10, "width": svg.percent(width), "height": 20}
    return Markup().join([*drawn, svg.element("foreignObject", label, **place)])
