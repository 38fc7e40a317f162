"""Plots: fitness by generation, training curves, confidence intervals of a comparison."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from eureka.report import svg
from eureka.report.axes import Axis, Scale, axis, fitting
from eureka.report.run_view import Entry, Final, RunView
from eureka.report.state import State
from eureka.runs.candidate import Curves
from eureka.runs.results import Arm
from eureka.text import number, shown

_HEIGHT = 240.0
_PANEL = 96.0
_ROW = 34.0
_FAILED = 26.0  # Offset in px below the axis of candidates without a fitness
SHAPES: dict[State, str] = {
    "trained": "dot",
    "dropped": "triangle",
    "duplicate": "ring",
    "failed": "cross",
    "training": "diamond",
    "waiting": "diamond",
}
"""Shape of a candidate's mark by state."""
COLOURS = 6  # Number of line styles (colour and dashes) in the stylesheet


def fitness_by_generation(run: RunView) -> Markup:
    """All candidates by generation, and the best fitness so far. Candidates without a fitness are below the axis."""
    entries = list(run.entries.values())
    generations = sorted({e.candidate.generation for e in entries})
    ends = [e.score + side * e.error for e in entries if e.score is not None and e.error for side in (-1.0, 1.0)]
    upright = axis([*(e.score for e in entries), *ends], zero=True)
    down = upright.scale(_HEIGHT, 0)
    drawn = [svg.rows(upright, down)]
    places: dict[str, float] = {}
    for i, generation in enumerate(generations):
        start, end = (svg.WIDTH * (i + share) / len(generations) for share in (0, 1))
        members = [e for e in entries if e.candidate.generation == generation]
        for k, entry in enumerate(members):
            places[entry.name] = start + (end - start) * (k + 1) / (len(members) + 1)
        if i:
            drawn.append(svg.rule(start, 0, start, _HEIGHT + _FAILED + 12, "divide"))
        said = _generation(generation, short=len(generations) > 6)
        drawn.append(svg.text(said, (start + end) / 2, _HEIGHT + _FAILED + 28, "tick", "middle"))
    drawn.append(_best_so_far(entries, places, down))
    drawn += [_mark(run, entry, places[entry.name], down) for entry in entries]
    lost = [e for e in entries if not _known(e.score)]
    if lost:
        drawn.append(svg.text("none", 0, _HEIGHT + _FAILED + 4, "tick", "end", dx=-8))
    best = run.best
    says = f"{len(entries)} candidates in {len(generations)} generation{'s' if len(generations) != 1 else ''}; "
    says += f"best {best.name} with fitness {number(best.score)}" if best and best.score is not None else "none trained"
    says += f"; {len(lost)} without a fitness are below the axis" if lost else ""
    return svg.picture("Fitness by generation", says, *drawn, height=_HEIGHT + _FAILED + 32, class_="plot fitness")


def _generation(generation: int, short: bool) -> str:
    if not generation:
        return "start"
    return str(generation) if short else f"generation {generation}"


def _mark(run: RunView, entry: Entry, across: float, down: Scale) -> Markup:
    place = down(entry.score) if entry.score is not None and math.isfinite(entry.score) else _HEIGHT + _FAILED
    fitness = f"fitness {number(entry.score)}" if entry.score is not None else "no fitness"
    drawn = Markup()
    if entry.score is not None and entry.error and entry.state == "trained":
        fitness += f" +- {number(entry.error)}"
        drawn += svg.rule(across, down(entry.score - entry.error), across, down(entry.score + entry.error), "interval")
    drawn += svg.mark(SHAPES[entry.state], across, place, f"{entry.name}: {entry.state}, {fitness}", entry.state)
    if run.best is entry:
        return svg.mark("halo", across, place, "", "halo") + drawn
    return drawn


def _best_so_far(entries: Sequence[Entry], places: Mapping[str, float], down: Scale) -> Markup:
    """Step line of the best fitness so far, without the reward of `--start`."""
    points: list[tuple[float, float] | None] = []
    best = -math.inf
    for entry in entries:
        if entry.state == "trained" and entry.candidate.generation and entry.score is not None and entry.score > best:
            across = places[entry.name]
            points += [(across, down(best)), (across, down(entry.score))] if points else [(across, down(entry.score))]
            best = entry.score
    points += [(svg.WIDTH, down(best))] if points else []
    return svg.line(points, _HEIGHT, "line best")


def panels(curves: Curves, best: int | None = None) -> list[Markup]:
    """Small plots of one training by world-steps: fitness, episode length, total reward, metrics, components."""
    chosen = best if best is not None and 0 <= best < len(curves.steps) else None
    drawn = [
        _panel("fitness", curves.steps, [curves.fitness, curves.training_fitness], chosen),
        _panel("episode length", curves.steps, [curves.episode_length]),
        _panel("total reward a step", curves.steps, [curves.total]),
    ]
    drawn += [_panel(name, curves.steps, [values]) for name, values in curves.metrics.items()]
    return drawn + [
        _panel(name, curves.steps, [values], kind="component") for name, values in curves.components.items()
    ]


def _panel(
    name: str,
    steps: Sequence[int],
    series: Sequence[Sequence[float | None]],
    chosen: int | None = None,
    kind: str = "curve",
) -> Markup:
    """A small plot: the first series solid, the second dashed, with the selected checkpoint marked."""
    upright = axis([v for values in series for v in values], about=2)
    right = _steps(steps)
    down, across = upright.scale(_PANEL, 0), right.scale(0, svg.WIDTH)
    drawn = [svg.rows(upright, down), svg.columns(right, across, _PANEL, most=3)]
    for i, values in reversed(list(enumerate(series))):
        drawn.append(_series(steps, values, across, down, _PANEL, f"line s{i}"))
    first = series[0]
    known = [v for v in first if v is not None and math.isfinite(v)]
    if chosen is not None and chosen < len(first) and _known(first[chosen]):
        at = first[chosen] or 0.0
        drawn.append(svg.mark("dot", across(steps[chosen]), down(at), f"selected checkpoint: {number(at)}", "trained"))
    said = f"from {number(known[0])} to {number(known[-1])} over {len(first)} checkpoints" if known else "no values"
    picture = svg.picture(f"{shown(name)}, by world-steps", said, *drawn, height=_PANEL + 18, class_="plot panel")
    caption = svg.element("figcaption", _short(name), class_="name" if kind == "component" else None)
    return svg.element("figure", caption, picture)


def final_curves(finals: Sequence[Final]) -> Markup:
    """Selection fitness of each fresh seed by training world-steps, with one line style per arm."""
    keys = list(dict.fromkeys(final.key for final in finals))
    upright = axis([v for f in finals for v in f.curves.fitness], zero=True)
    right = _steps([s for f in finals for s in f.curves.steps])
    down, across = upright.scale(_HEIGHT, 0), right.scale(0, svg.WIDTH)
    drawn = [svg.rows(upright, down), svg.columns(right, across, _HEIGHT, most=5)]
    for final in finals:
        curves, series = final.curves, keys.index(final.key) % COLOURS
        drawn.append(_series(curves.steps, curves.fitness, across, down, _HEIGHT, f"line thin s{series}"))
    says = f"{len(finals)} trainings of {', '.join(map(shown, keys))}"
    return svg.picture("Learning curves of the comparison", says, *drawn, height=_HEIGHT + 20)


@dataclass(frozen=True)
class Rounds:
    """Best fitness so far of several runs by generation; None without a trained candidate."""

    generations: tuple[int, ...]
    rows: tuple[tuple[str, tuple[float | None, ...]], ...]


def rounds(found: Sequence[tuple[str, str, RunView]]) -> Rounds:
    """Tabulate runs given as (address, name, run). Values after a run's last generation are None."""
    generations = sorted({e.candidate.generation for _, _, r in found for e in r.entries.values()} - {0})
    rows = []
    for _, name, run in found:
        trained = [e for e in run.entries.values() if e.state == "trained" and _known(e.score)]
        last = max((e.candidate.generation for e in run.entries.values()), default=0)
        best = [
            max((e.score or 0.0 for e in trained if 0 < e.candidate.generation <= g), default=None)
            if g <= last
            else None
            for g in generations
        ]
        rows.append((name, tuple(best)))
    return Rounds(tuple(generations), tuple(rows))


def best_by_generation(found: Sequence[tuple[str, str, RunView]]) -> Markup:
    """Plot the best fitness so far of several runs, with one line style per run."""
    table = rounds(found)
    upright = axis([v for _, values in table.rows for v in values], zero=True)
    low, high = (table.generations[0], table.generations[-1]) if table.generations else (0, 1)
    across = Scale(low - 0.25, high + 0.25, 0, svg.WIDTH)
    down = upright.scale(_HEIGHT, 0)
    drawn = [svg.rows(upright, down)]
    for generation, fits in zip(table.generations, fitting(list(map(str, table.generations)), 12), strict=True):
        if fits:
            drawn.append(svg.text(str(generation), across(generation), _HEIGHT + 16, "tick", "middle"))
    for i, (_, values) in enumerate(table.rows):
        drawn.append(_series(table.generations, values, across, down, _HEIGHT, f"line s{i % COLOURS}"))
    says = "; ".join(
        f"{shown(name)} {number(known[-1])}" for name, v in table.rows if (known := [x for x in v if x is not None])
    )
    return svg.picture(
        "Best fitness by generation of several runs", says or "no fitness yet", *drawn, height=_HEIGHT + 20
    )


def intervals(arms: Sequence[Arm]) -> Markup:
    """Mean, 95 % interval and individual values of each arm."""
    values = [v for a in arms for v in a.fitness]
    ends = [end for a in arms if a.interval for end in (a.interval.low, a.interval.high)]
    right = axis([*values, *ends])
    across = right.scale(0, svg.WIDTH)
    height = _ROW * len(arms)
    drawn = [svg.columns(right, across, height, most=6, grid=True)]
    said = []
    for i, arm in enumerate(arms):
        middle = _ROW * (i + 0.5)
        drawn.append(svg.text(_short(arm.name, 18), 0, middle + 4, "name", "end", dx=-10))
        if arm.mean is None:
            drawn.append(svg.text("every seed failed", 0, middle + 4, "tick", dx=6))
            continue
        if arm.interval is not None:
            low, high = across(arm.interval.low), across(arm.interval.high)
            drawn.append(svg.rule(low, middle, high, middle, "interval"))
            drawn += [svg.rule(end, middle - 6, end, middle + 6, "interval") for end in (low, high)]
        drawn += [svg.mark("bar", across(v), middle, f"{shown(arm.name)}: {number(v)}", "value") for v in arm.fitness]
        drawn.append(
            svg.mark("dot", across(arm.mean), middle, f"{shown(arm.name)}: mean {number(arm.mean)}", "trained")
        )
        said.append(f"{shown(arm.name)} {number(arm.mean)}")
    return svg.picture(
        "Fitness on fresh seeds with 95 % intervals", "; ".join(said), *drawn, height=height + 20, class_="plot arms"
    )


def bar(value: float, longest: float) -> Markup:
    """A bar beside a number in a table, hidden from screen readers."""
    length = svg.percent(svg.WIDTH * value / longest) if longest > 0 else "0%"
    return svg.element("svg", svg.element("rect", width=length, height="8", y="1"), aria_hidden="true", height="10")


def _series(
    steps: Sequence[int],
    values: Sequence[float | None],
    across: Scale,
    down: Scale,
    height: float,
    class_: str,
) -> Markup:
    """A line through values by steps; an isolated value is drawn as a mark."""
    pairs = zip(steps, values, strict=False)
    points = [(across(step), down(v)) if v is not None and math.isfinite(v) else None for step, v in pairs]
    alone = [
        svg.mark("bead", *point, "", class_)
        for before, point, after in zip([None, *points], points, [*points[1:], None], strict=False)
        if point is not None and before is None and after is None
    ]
    return svg.line(points, height, class_) + Markup().join(alone)


def _steps(steps: Sequence[int]) -> Axis:
    return axis([0.0, *(min(float(s), 1e15) if abs(s) < 2**60 else 1e15 for s in steps)], about=4)


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _short(name: str, most: int = 40) -> str:
    """Truncate an untrusted name for a label."""
    clean = shown(name)
    return clean if len(clean) <= most else clean[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"
