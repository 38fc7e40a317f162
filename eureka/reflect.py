"""Numbers to text: how a training went, for a model or a person to read. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from eureka.candidate import Trained

_LONGEST_SHOWN = 400


def statistics(trained: Trained) -> str:
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
    """A number with as many digits as a reader needs."""
    if value == 0 or 0.01 <= abs(value) < 100_000:
        return f"{value:.2f}" if abs(value) < 1000 else f"{value:.0f}"
    return f"{value:.2e}"


def shown(text: str) -> str:
    """Untrusted text on one line, without control characters, cut to a readable length."""
    clean = "".join(c if c.isprintable() else " " for c in text)
    return clean if len(clean) <= _LONGEST_SHOWN else clean[:_LONGEST_SHOWN] + "..."
