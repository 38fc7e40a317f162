"""Learning curves of one member: statistics accumulated between checkpoints."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eureka.rewards.statistics import ComponentStatistics, EpisodeMoments
from eureka.runs.candidate import Point


@dataclass
class _Segment:
    """Statistics since the last checkpoint."""

    totals: list[float] = field(default_factory=list)
    components: dict[str, list[float]] = field(default_factory=dict)
    least: dict[str, float] = field(default_factory=dict)
    greatest: dict[str, float] = field(default_factory=dict)
    sizes: dict[str, list[float]] = field(default_factory=dict)
    episodes_of: dict[str, EpisodeMoments] = field(default_factory=dict)
    kl: list[float] = field(default_factory=list)
    fitness: float = 0.0
    length: float = 0.0
    episodes: int = 0


class CurveWriter:
    """Builds `candidate.Curves`, one point per checkpoint."""

    def __init__(self, components: Sequence[str]):
        """Start empty curves for a reward with these components."""
        single = (
            "steps",
            "fitness",
            "training_fitness",
            "episode_length",
            "total",
            "kl",
            "learning_rate",
            "action_std",
        )
        by_component = ("components", "least", "greatest", "sizes", "sums", "correlations")
        self.curves: dict[str, Any] = {name: [] for name in (*single, "learning_rate", "action_std")}
        """The fields of `Curves`, as lists."""
        self.curves |= {name: {c: [] for c in components} for name in by_component} | {"metrics": {}}
        self._segment = _Segment()

    def reward(self, statistics: ComponentStatistics) -> None:
        """Add the reward statistics of one rollout."""
        segment = self._segment
        segment.totals.append(statistics.total)
        for name, value in statistics.components.items():
            segment.components.setdefault(name, []).append(value)
            segment.sizes.setdefault(name, []).append(statistics.sizes[name])
            moments = statistics.episodes.get(name, EpisodeMoments())
            segment.episodes_of[name] = segment.episodes_of.get(name, EpisodeMoments()) + moments
            segment.least[name] = min(segment.least.get(name, math.inf), statistics.least[name])
            segment.greatest[name] = max(segment.greatest.get(name, -math.inf), statistics.greatest[name])

    def update(self, kl: float, fitness: float, length: float, episodes: int) -> None:
        """Add one update: its KL divergence, and sums over the episodes that ended in its rollout."""
        segment = self._segment
        segment.kl.append(kl)
        segment.fitness += fitness
        segment.length += length
        segment.episodes += episodes

    def checkpoint(
        self, steps: int, fitness: float, metrics: Mapping[str, float], learning_rate: float, action_std: float
    ) -> None:
        """Close the segment: add a point at `steps` world-steps.

        `fitness` and `metrics` are means over the selection episodes.
        """
        curves, segment = self.curves, self._segment
        curves["steps"].append(steps)
        curves["fitness"].append(fitness)
        curves["training_fitness"].append(segment.fitness / segment.episodes if segment.episodes else None)
        curves["episode_length"].append(segment.length / segment.episodes if segment.episodes else None)
        curves["total"].append(mean(segment.totals))
        for name in curves["components"]:
            curves["components"][name].append(mean(segment.components[name]))
            curves["least"][name].append(segment.least[name])
            curves["greatest"][name].append(segment.greatest[name])
            curves["sizes"][name].append(mean(segment.sizes[name]))
            curves["sums"][name].append(segment.episodes_of[name].mean)
            curves["correlations"][name].append(segment.episodes_of[name].correlation)
        for name, value in metrics.items():
            curves["metrics"].setdefault(name, []).append(value)
        curves["kl"].append(mean(segment.kl))
        curves["learning_rate"].append(learning_rate)
        curves["action_std"].append(action_std)
        self._segment = _Segment()

    def point(self) -> Point:
        """The latest point, by the names of `curves`; None for values that are missing or not finite."""

        def last(values: Sequence[float | None]) -> float | None:
            return values[-1] if values and values[-1] is not None and math.isfinite(values[-1]) else None

        latest = {
            name: {c: last(v) for c, v in values.items()} if isinstance(values, dict) else last(values)
            for name, values in self.curves.items()
        }
        return Point.model_validate(latest)


def mean(values: Sequence[float]) -> float:
    """The mean; NaN if any value is not finite, as for a failed member."""
    if not all(map(math.isfinite, values)):
        return math.nan
    return math.fsum(values) / len(values)
