"""Axes with round ticks. Values may be arbitrarily large or not finite."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)
_MAX_VALUE = 1e300
_SUFFIXES = ((2e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k"))  # least magnitude of an axis, unit, suffix


@dataclass(frozen=True)
class Scale:
    """Maps values in `low` .. `high` to coordinates in `start` .. `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Coordinate of a value, clipped to the range."""
        share = (min(self.high, max(self.low, value)) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


@dataclass(frozen=True)
class Axis:
    """A range with round ends and labelled ticks."""

    low: float
    high: float
    ticks: tuple[float, ...]
    labels: tuple[str, ...]

    def scale(self, start: float, end: float) -> Scale:
        return Scale(self.low, self.high, start, end)


def axis(values: Iterable[float | None], about: int = 4, zero: bool = False) -> Axis:
    """Create an axis with about `about` intervals that contains all finite values, and zero (`zero`) if it is close."""
    known = [v for v in values if v is not None and math.isfinite(v)]
    low, high = _range([*known, 0.0] if zero and len(set(known)) == 1 else known)
    if zero and 0 < low < 0.7 * high:
        low = 0.0
    if zero and 0.7 * low < high < 0:
        high = 0.0
    step = _step((high - low) / about)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple((first + i) * step for i in range(min(last - first, 4 * about) + 1))
    size = max(abs(ticks[0]), abs(ticks[-1]))
    return Axis(ticks[0], ticks[-1], ticks, tuple(label(tick, step, size) for tick in ticks))


def label(value: float, step: float, size: float) -> str:
    """Format a tick with the precision of `step`, and with a suffix for an axis of magnitude `size`."""
    if abs(value) < 1e-9 * step:
        return "0"
    if size >= 1e13 or step < 1e-4:
        text = f"{value:.3g}"
    else:
        unit, suffix = next(((u, s) for least, u, s in _SUFFIXES if size >= least), (1.0, ""))
        step /= unit
        digits = next((d for d in range(7) if abs(round(step, d) - step) <= 1e-9 * step), 7)
        text = f"{value / unit:.{digits}f}{suffix}"
    return text.replace("-", "\N{MINUS SIGN}")


def fitting(labels: Sequence[str], most: int) -> list[bool]:
    """Select at most `most` evenly spaced labels."""
    each = max(1, math.ceil(len(labels) / most))
    return [i % each == 0 for i in range(len(labels))]


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Minimum and maximum, widened if they are numerically equal."""
    if not values:
        return 0.0, 1.0
    low, high = (max(-_MAX_VALUE, min(_MAX_VALUE, v)) for v in (min(values), max(values)))
    size = max(abs(low), abs(high))
    if high - low > 1e-9 * size and high - low > 1e-290:
        return low, high
    reach = 0.1 * size if size > 1e-280 else 0.5
    return low - reach, high + reach


def _step(least: float) -> float:
    """The smallest round step of at least `least`."""
    unit = 10.0 ** math.floor(math.log10(least))
    return next(r * unit for r in _ROUND if r * unit >= least * (1 - 1e-9))
