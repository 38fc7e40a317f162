"""Formats training statistics as text for prompts."""

from __future__ import annotations

import statistics as stats
from collections.abc import Sequence

from eureka.runs.candidate import Curves, Dropped, Trained
from eureka.text import number

_COLUMNS = ("first", "last", "mean", "range", "share", "per episode", "with fitness")
_TOTAL = "total"


def statistics(trained: Trained | Dropped) -> str:
    """Training statistics: values of fitness and metrics at each checkpoint, then a table of the reward's components.

    The table has, for each component, its mean of a control step at the first and at the last checkpoint and over the
    training, its range, its share of all components' sizes, its mean sum over an episode at the end, and the
    correlation of its mean over an episode with the episode's fitness (that of the sum would be that of the length).
    Where a component's mean leaves the range of its first and last values, all its values follow. What a recording
    does not have is left out.
    """
    curves = trained.curves
    lines = [_series("fitness", curves.fitness)]
    lines += [_series(name, values) for name, values in curves.metrics.items()]
    lines += [_series("episode_length", curves.episode_length)] if any(curves.episode_length) else []
    lines.append("")
    rows = [(_TOTAL, *_row(curves, _TOTAL, curves.total))]
    rows += [(name, *_row(curves, name, values)) for name, values in curves.components.items()]
    kept = [i for i in range(1, len(_COLUMNS) + 1) if any(row[i] for row in rows)]
    lines.append(" | ".join(["component", *(_COLUMNS[i - 1] for i in kept)]))
    lines += [" | ".join([row[0], *(row[i] or "-" for i in kept)]) for row in rows]
    strays = {name: values for name, values in curves.components.items() if _strays(values)}
    if strays:
        lines += ["", "Not monotone:", *(_series(name, values) for name, values in strays.items())]
    return "\n".join(lines)


def _series(name: str, values: Sequence[float | None]) -> str:
    return f"{name}: {', '.join('-' if v is None else number(v) for v in values)}"


def _row(curves: Curves, name: str, values: Sequence[float]) -> tuple[str, ...]:
    shown = [number(values[0]), number(values[-1]), number(stats.fmean(values))]
    if name == _TOTAL:
        return (*shown, "", "", "", "")
    least, greatest = curves.least.get(name), curves.greatest.get(name)
    shown.append(f"{number(min(least))} .. {number(max(greatest))}" if least and greatest else "")
    sizes = {c: stats.fmean(of) for c, of in curves.sizes.items()}
    whole = sum(sizes.values())
    shown.append(f"{sizes[name] / whole:.0%}" if name in sizes and whole else "")
    sums = [s for s in curves.sums.get(name, []) if s is not None]
    shown.append(number(sums[-1]) if sums else "")
    known = [r for r in curves.correlations.get(name, []) if r is not None]
    shown.append(f"{stats.fmean(known):+.2f}" if known else "")
    return tuple(shown)


def _strays(values: Sequence[float]) -> bool:
    """Whether a curve leaves the range of its ends by more than half of that range, and by a quarter of its size."""
    low, high = sorted((values[0], values[-1]))
    beyond = max(low - min(values), max(values) - high)
    return beyond > max(0.5 * (high - low), 0.25 * max(map(abs, values)))
