"""Formatting of numbers, durations and untrusted text for display."""

from __future__ import annotations

import contextlib
import math
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

_LONGEST_SHOWN = 400
Digits = Callable[[float], str]
"""A format of numbers."""


def clock(seconds: float) -> str:
    """A duration in s as `1:02:03` or `2:03`."""
    whole = int(max(0.0, seconds))
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def relative(path: Path) -> Path:
    """A path as typed in the working directory, if it lies in it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def command(*words: str | Path) -> str:
    """A command of eureka to type in the working directory, quoted for a shell."""
    return shlex.join(["eureka", *(str(relative(word)) if isinstance(word, Path) else word for word in words)])


def duration(seconds: float) -> str:
    """A duration in s in words, such as `40 s`, `12 min`, `5 h 15 min`, `12 days` or `33 years`."""
    minutes, days, years = round(seconds / 60), seconds / 86400, seconds / (365 * 86400)
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if minutes < 48 * 60:
        hours, rest = divmod(minutes, 60)
        return " ".join([f"{hours} h"] * (hours > 0) + [f"{rest} min"] * (rest > 0))
    if years < 2:
        return f"{days:.0f} days"
    return f"{years:.0f} years" if years < 1000 else "more than 1000 years"


def amount(count: float) -> str:
    """A large number in words, such as `7.47 million`."""
    for size, name in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if count >= size:
            return f"{count / size:.3g} {name}" if count < 1e15 else "more than 1000 trillion"
    return f"{count:.0f}"


def whole(given: Any) -> Any:
    """A whole number for its text, such as `1e6`; raises `ValueError` for other text, returns the rest unchanged."""
    if not isinstance(given, str):
        return given
    with contextlib.suppress(ValueError):
        return int(given)
    with contextlib.suppress(ValueError, OverflowError):
        if (value := float(given)) == int(value):
            return int(value)
    raise ValueError(f"give a whole number such as 20000 or 1e6, not {given!r}")


def number(value: float) -> str:
    """A number with at least three significant digits; very large and small ones in exponential notation."""
    size = abs(value)
    if size >= 100_000 or 0 < size < 0.01:
        return f"{value:.2e}"
    digits = 0 if size >= 1000 else 2 if size >= 1 or size == 0 else 3 if size >= 0.1 else 4
    return f"{value:.{digits}f}"


def alike(values: Iterable[float | None]) -> Digits:
    """A format for all values of one quantity: three significant digits for the largest of these values."""
    most = max((abs(v) for v in values if v is not None and math.isfinite(v)), default=1.0)
    largest = number(most)
    decimals = min(len(largest.partition(".")[2]), max(0, 2 - math.floor(math.log10(most)))) if most else 2

    def shown_alike(value: float) -> str:
        return (
            number(value) if "e" in largest or abs(value) >= 100_000 else f"{round(value, decimals) + 0:.{decimals}f}"
        )

    return shown_alike


def plain(text: str) -> str:
    """Untrusted text without control characters except newlines, so that it cannot control a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text.expandtabs(4))


def shown(text: str) -> str:
    """Untrusted text on one line, without control characters, truncated to a readable length."""
    clean = "".join(c if c.isprintable() else " " for c in text)
    return clean if len(clean) <= _LONGEST_SHOWN else clean[:_LONGEST_SHOWN] + "..."
