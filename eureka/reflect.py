"""Numbers to text: how a training went, for a model or a person to read. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from eureka.candidate import Dropped, Trained

_LONGEST_SHOWN = 400


def statistics(trained: Trained | Dropped) -> str:
    """One line a quantity: its values over training, then maximum, mean and minimum."""
    curves = trained.curves
    lines = [_line("fitness", curves.fitness), _line("episode_length", curves.episode_length)]
    lines.append(_line("total", curves.total))
    lines += [_line(name, values) for name, values in curves.components.items()]
    return "\n".join(lines)


def _line(name: str, values: Sequence[float | None]) -> str:
    known = [v for v in values if v is not None]
    listed = ", ".join("-" if v is None else number(v) for v in values)
    if not known:
        return f"{name}: [{listed}]"
    mean = sum(known) / len(known)
    return f"{name}: [{listed}], max: {number(max(known))}, mean: {number(mean)}, min: {number(min(known))}"


def number(value: float) -> str:
    """A number with three digits that count, or more before its point."""
    size = abs(value)
    if size >= 100_000 or 0 < size < 0.01:
        return f"{value:.2e}"
    digits = 0 if size >= 1000 else 2 if size >= 1 or size == 0 else 3 if size >= 0.1 else 4
    return f"{value:.{digits}f}"


def plain(text: str) -> str:
    """Untrusted text without control characters but line ends, so that it cannot drive a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text.expandtabs(4))


def shown(text: str) -> str:
    """Untrusted text on one line, without control characters, cut to a readable length."""
    clean = "".join(c if c.isprintable() else " " for c in text)
    return clean if len(clean) <= _LONGEST_SHOWN else clean[:_LONGEST_SHOWN] + "..."
