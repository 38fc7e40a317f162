"""Plots: fitness by generation, training curves, confidence intervals of a comparison."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from markupsafe import Markup

from eureka.report import svg
from eureka.report.axes import Axis, Scale, axis, fitting
from eureka.report.run_view import Entry, RunView
from eureka.report.state import State
from eureka.runs.candidate import Curves
from eureka.runs.results import Comparison, Interval
from eureka.runs.statistics import student
from eureka.text import Digits, number, shown

_HEIGHT = 240.0
_SEARCH = 180.0  # Height of the plot of the search
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
    ends += [v for e in entries if e.state == "training" and e.curves for v in e.curves.fitness]
    lost = [e for e in entries if not _known(e.score)]
    bottom = _SEARCH + (_FAILED + 12 if lost else 4)
    upright = axis([*(e.score for e in entries), *ends], zero=True)
    down = upright.scale(_SEARCH, 0)
    drawn = [svg.rows(upright, down)]
    places: dict[str, float] = {}
    for i, generation in enumerate(generations):
        start, end = (svg.WIDTH * (i + share) / len(generations) for share in (0, 1))
        members = [e for e in entries if e.candidate.generation == generation]
        for k, entry in enumerate(members):
            places[entry.name] = start + (end - start) * (k + 1) / (len(members) + 1)
        if i:
            drawn.append(svg.rule(start, 0, start, bottom, "divide"))
        said = str(generation) if generation else "start"
        drawn.append(svg.text(said, (start + end) / 2, bottom + 14, "tick", "middle"))
    drawn.append(_best_so_far(entries, places, down))
    on_top = sorted(entries, key=lambda e: e is run.best)
    drawn += [_mark(run, entry, places[entry.name], down) for entry in on_top]
    if lost:
        drawn.append(svg.text("none", 0, _SEARCH + _FAILED + 4, "tick", "end", dx=-8))
    best = run.best
    says = f"{len(entries)} candidates in {len(generations)} generation{'s' if len(generations) != 1 else ''}; "
    says += f"best {best.name} with fitness {best.fitness}{best.margin}" if best else "none trained"
    says += f"; {len(lost)} without a fitness are below the axis" if lost else ""
    up = f"fitness{run.in_unit}, estimated in the search"
    return svg.picture("Fitness by generation", says, *drawn, height=bottom + 18, up=up, right="generation")


def _mark(run: RunView, entry: Entry, across: float, down: Scale) -> Markup:
    place = down(entry.score) if entry.score is not None and math.isfinite(entry.score) else _SEARCH + _FAILED
    fitness = f"fitness {entry.fitness}{entry.margin}" if entry.score is not None else "no fitness"
    drawn = Markup()
    if entry.score is not None and entry.error and entry.state == "trained":
        drawn += svg.rule(across, down(entry.score - entry.error), across, down(entry.score + entry.error), "interval")
    if entry.state == "training" and entry.curves:
        so_far = [v for v in entry.curves.fitness if math.isfinite(v)]
        drawn += Markup().join(svg.mark("bead", across, down(v), "", "so-far") for v in so_far)
    drawn += svg.mark(SHAPES[entry.state], across, place, f"{entry.name}: {entry.state}, {fitness}", entry.state)
    if run.best is entry:
        label = svg.text(entry.name, across, place + (22 if place < 20 else -12), "strong", "middle")
        return svg.mark("halo", across, place, "", "halo") + drawn + label
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
    return svg.line(points, _SEARCH, "line best")


def panels(curves: Curves, best: int | None = None) -> list[Markup]:
    """Small plots of one training by world-steps: fitness, episode length, total reward, metrics, components."""
    chosen = best if best is not None and 0 <= best < len(curves.steps) else None
    drawn = [
        _panel("fitness", curves.steps, [curves.fitness, curves.training_fitness], chosen),
        _panel("episode length", curves.steps, [curves.episode_length]),
        _panel("total reward a step", curves.steps, [curves.total]),
    ]
    drawn += [_panel(name, curves.steps, [values]) for name, values in curves.metrics.items()]
    drawn += [_panel(name, curves.steps, [values], kind="component") for name, values in curves.components.items()]
    listed = list(zip(*curves.components.values(), strict=True)) or [()] * len(curves.total)
    rest = [total - sum(parts) for total, parts in zip(curves.total, listed, strict=True)]
    if curves.components and max(map(abs, rest)) > 0.01 * max(map(abs, curves.total)):
        drawn.append(_panel("total minus components", curves.steps, [rest]))
    return drawn


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


def final_curves(run: RunView) -> Markup:
    """Fitness by world-steps: the mean of each arm with its 95 % band, and each training. One checkpoint: intervals."""
    keys = list(dict.fromkeys(final.key for final in run.finals))
    curves = {key: [f.curves for f in run.finals if f.key == key] for key in keys}
    steps = {key: max((c.steps for c in found), key=len) for key, found in curves.items()}
    at = {
        key: [[c.fitness[i] for c in curves[key] if i < len(c.fitness) and _known(c.fitness[i])] for i in range(len(s))]
        for key, s in steps.items()
    }
    if max(map(len, steps.values())) < 2:
        rows = [(key, found[-1] if found else [], "no checkpoint yet") for key, found in at.items()]
        return _rows(rows, f"fitness{run.in_unit} at the only checkpoint", run.digits)
    bands = {key: [student(v) if len(v) > 1 else None for v in found] for key, found in at.items()}
    ends = [end for found in bands.values() for band in found if band for end in (band.low, band.high)]
    values = [v for found in at.values() for those in found for v in those]
    upright, right = axis([*values, *_near(values, ends)], zero=True), _steps([s for v in steps.values() for s in v])
    down, across = upright.scale(_HEIGHT, 0), right.scale(0, svg.WIDTH)
    areas, singles, means = [], [], []
    for i, key in enumerate(keys):
        known = [(across(s), band) for s, band in zip(steps[key], bands[key], strict=True) if band]
        if len(known) > 1:
            upper, lower = [down(b.high) for _, b in known], [down(b.low) for _, b in known]
            areas.append(svg.band([x for x, _ in known], upper, lower, _HEIGHT, f"s{i % COLOURS}"))
        singles += [
            _series(c.steps, c.fitness, across, down, _HEIGHT, f"line thin s{i % COLOURS}") for c in curves[key]
        ]
        middles = [fmean(found) if found else None for found in at[key]]
        means.append(_series(steps[key], middles, across, down, _HEIGHT, f"line s{i % COLOURS}"))
    says = "; ".join(
        f"{shown(key)}, {len(curves[key])} trainings: {run.digits(fmean(found[-1]))} at the last checkpoint"
        for key, found in at.items()
        if found and found[-1]
    )
    drawn = [svg.rows(upright, down), svg.columns(right, across, _HEIGHT, most=5), *areas, *singles, *means]
    names = {"up": f"fitness{run.in_unit} on selection episodes", "right": "training world-steps"}
    return svg.picture("Learning curves of the comparison", says, *drawn, height=_HEIGHT + 20, **names)


def _near(values: Sequence[float], ends: Sequence[float]) -> list[float]:
    """Ends of intervals, limited to a third of a range around the values.

    They are also limited to zero where no value is negative, and to one where all are shares.
    """
    low, high = min(values, default=0.0), max(values, default=0.0)
    reach = 0.3 * (high - low)
    least = max(0.0, low - reach) if low >= 0 else low - reach
    most = min(1.0, high + reach) if low >= 0 and high <= 1 else high + reach
    return [min(most, max(least, end)) for end in ends]


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
    names = {"up": f"best fitness so far{found[0][2].in_unit}", "right": "generation"}
    title = "Best fitness by generation of several runs"
    return svg.picture(title, says or "no fitness yet", *drawn, height=_HEIGHT + 20, **names)


def intervals(run: RunView, comparison: Comparison) -> Markup:
    """Mean, 95 % interval and individual values of each arm on fresh seeds."""
    rows = [(arm.name, arm.fitness, "every seed failed") for arm in comparison.arms]
    return _rows(rows, f"fitness{run.in_unit}", run.digits)


def times_to_solve(comparison: Comparison) -> Markup:
    """World-steps of training until the fitness was near that of the baseline, if all seeds got there; else empty."""
    rows = [(arm.name, list(filter(None, arm.steps_to_baseline)), "") for arm in comparison.arms]
    if not comparison.all_solved:
        return Markup()
    return _rows(rows, f"training world-steps to 80 % of {shown(comparison.baseline or '')}", "{:,.0f}".format)


def _rows(rows: Sequence[tuple[str, Sequence[float], str]], what: str, digits: Digits) -> Markup:
    """A row for each name: its values, their mean and its 95 % interval; without values, a remark."""
    spans = [student(values) if len(values) > 1 else None for _, values, _ in rows]
    values = [v for _, found, _ in rows for v in found]
    right = axis([*values, *_near(values, [end for span in spans if span for end in (span.low, span.high)])])
    across = right.scale(0, svg.WIDTH)
    drawn, said = [svg.columns(right, across, _ROW * len(rows), most=5, grid=True)], []
    for i, ((name, found, without), span) in enumerate(zip(rows, spans, strict=True)):
        middle = _ROW * (i + 0.5) + 4
        drawn.append(svg.text(_short(name, 18), 0, middle + 4, "name", "end", dx=-10))
        if not found:
            drawn.append(svg.text(without, 0, middle + 4, "tick", dx=6))
            continue
        mean = fmean(found)
        drawn += [_whisker(span, right, across, middle)] if span and span.low < span.high else []
        drawn += [svg.mark("bar", across(v), middle, f"{shown(name)}: {digits(v)}", "value") for v in found]
        says = f"{shown(name)}: mean {digits(mean)}"
        drawn.append(svg.mark("dot", across(mean), middle, says, "trained"))
        drawn.append(svg.text(digits(mean), across(mean), middle - 9, "tick", "middle"))
        said.append(says)
    names = {"class_": "plot arms", "right": what}
    picture = svg.picture("Means by reward", "; ".join(said), *drawn, height=_ROW * len(rows) + 20, **names)
    return picture + svg.element("p", "Dot: mean. Line: its 95% interval. Bars: single seeds.", class_="small soft")


def _whisker(span: Interval, right: Axis, across: Scale, middle: float) -> Markup:
    """An interval, without a cap at an end beyond the axis."""
    low, high = across(span.low), across(span.high)
    caps = [(end, place) for end, place in ((span.low, low), (span.high, high)) if right.low <= end <= right.high]
    drawn = [svg.rule(place, middle - 6, place, middle + 6, "interval") for _, place in caps]
    return Markup().join([svg.rule(low, middle, high, middle, "interval"), *drawn])


def in_training(run: RunView) -> Markup:
    """Fitness so far of the candidates in training by world-steps; empty before the first checkpoint."""
    found = [e for e in run.entries.values() if e.state == "training" and e.curves and not e.candidate.duplicate_of]
    if not found:
        return Markup()
    curves = [e.curves for e in sorted(found, key=lambda e: e.score or -math.inf) if e.curves]
    upright = axis([v for c in curves for v in c.fitness], zero=True)
    right = _steps([run.settings.steps, *(s for c in curves for s in c.steps)])
    down, across = upright.scale(_HEIGHT, 0), right.scale(0, svg.WIDTH)
    drawn = [svg.rows(upright, down), svg.columns(right, across, _HEIGHT, most=5)]
    for i, c in enumerate(curves, 1):
        best = "best" if i == len(curves) else "thin"
        drawn.append(_series(c.steps, c.fitness, across, down, _HEIGHT, f"line training {best}"))
    says = "; ".join(f"{e.name} {number(e.score)}" for e in found if e.score is not None)
    names = {"up": f"fitness{run.in_unit}", "right": "training world-steps"}
    return svg.picture("Fitness of the candidates in training", says, *drawn, height=_HEIGHT + 20, **names)


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
