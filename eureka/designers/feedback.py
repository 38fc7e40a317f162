"""Formats training statistics as text for prompts."""

from __future__ import annotations

from collections.abc import Sequence

from eureka.runs.candidate import Dropped, Trained
from eureka.text import number


def statistics(trained: Trained | Dropped) -> str:
    """One line per quantity: its values over training, then maximum, mean and minimum."""
    curves = trained.curves
    lines = [_line("fitness", curves.fitness)]
    lines += [_line(name, values) for name, values in curves.metrics.items()]
    lines.append(_line("episode_length", curves.episode_length))
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
