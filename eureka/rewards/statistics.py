"""Statistics of a member's reward: over control steps, and over the episodes that ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

REWARD_BOUND = 1e10  # Larger absolute values fail a reward, as infinite values do


@dataclass(frozen=True)
class EpisodeMoments:
    """Moments of a component over the episodes that ended in some control steps, and of their fitness.

    Those with the fitness are of an episode's mean: its sum would tell how long the episode was.
    """

    count: float = 0.0
    total: float = 0.0  # Of the sums of the component
    level: float = 0.0  # Of its means of a control step
    square: float = 0.0
    fitness: float = 0.0
    fitness_square: float = 0.0
    product: float = 0.0

    def __add__(self, other: EpisodeMoments) -> EpisodeMoments:
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return EpisodeMoments(*(a + b for a, b in pairs))

    @property
    def mean(self) -> float | None:
        """Mean sum of an episode; None without any."""
        return self.total / self.count if self.count else None

    @property
    def correlation(self) -> float | None:
        """Of the mean of an episode with its fitness; None for fewer than eight episodes, or if one does not vary."""
        if self.count < _FEWEST:
            return None
        n = self.count
        of_means, of_fitness = n * self.square - self.level**2, n * self.fitness_square - self.fitness**2
        # Below this share of the squares, the difference is rounding.
        if not (of_means > 1e-9 * n * self.square and of_fitness > 1e-9 * n * self.fitness_square):
            return None
        product = n * self.product - self.level * self.fitness
        return max(-1.0, min(1.0, product / (of_means * of_fitness) ** 0.5))


_FEWEST = 8


@dataclass(frozen=True)
class ComponentStatistics:
    """Statistics of a member's reward over some control steps; means over worlds and time."""

    total: float
    components: dict[str, float]
    least: dict[str, float]  # Minimum of each component over worlds and steps
    greatest: dict[str, float]
    sizes: dict[str, float]  # Mean absolute value of each component
    episodes: dict[str, EpisodeMoments]  # Of each component; empty if none ended
    fault: str | None
    """Why the reward is unusable: the component with values that are not finite or too large, and their share."""


def over_steps(series: Tensor) -> Tensor:
    """(6, 1 + C) float64 for rows (1 + C, B): mean, minimum, maximum, mean size, shares unusable and NaN."""
    size = series.abs()
    bad = ~(size <= REWARD_BOUND)  # NaN fails every comparison
    shares = [bad.float().mean(dim=1), series.isnan().float().mean(dim=1)]
    ends = [series.amin(dim=1), series.amax(dim=1)]
    return torch.stack([series.mean(dim=1), *ends, size.mean(dim=1), *shares]).double()


def over_episodes(series: Tensor, running: Tensor, ended: Tensor, fitness: Tensor, length: Tensor) -> Tensor:
    """Moments over the episodes that end in T control steps.

    Args:
        series: (1 + C, T, N), the total and the components.
        running: (1 + C, N), their sums since each world's episode began; updated in place.
        ended: (T, N) bool.
        fitness: (T, N), of the episode where `ended`.
        length: (T, N) int64, control steps of the episode where `ended`.

    Returns:
        (7, 1 + C) float64, in the order of `EpisodeMoments`.
    """
    sums = running[:, None] + series.cumsum(dim=1)
    # The number of the last step up to each one, from 1, in which an episode ended; 0: none.
    steps = torch.arange(1, len(ended) + 1, device=ended.device)[:, None]
    last = torch.where(ended, steps, 0).cummax(dim=0).values
    padded = torch.nn.functional.pad(sums, (0, 0, 1, 0))
    before = torch.nn.functional.pad(last[:-1], (0, 0, 1, 0))
    own = sums - padded.gather(1, before.expand_as(sums))
    running.copy_(sums[:, -1] - padded.gather(1, last[-1:].expand(len(sums), 1, -1))[:, 0])
    of_episodes, judged = own[:, ended].double(), fitness[ended].double()
    means = of_episodes / length[ended]
    count = torch.full_like(of_episodes[:, :1], len(judged))[:, 0] if len(judged) else running.new_zeros(len(sums))
    return torch.stack(
        [
            count.double(),
            of_episodes.sum(dim=1),
            means.sum(dim=1),
            means.square().sum(dim=1),
            judged.sum().expand(len(sums)),
            judged.square().sum().expand(len(sums)),
            (means * judged).sum(dim=1),
        ]
    )


def statistics_of(
    components: Sequence[str],
    of_steps: Sequence[Sequence[float]],
    of_episodes: Sequence[Sequence[float]],
    broken: str | None,
) -> ComponentStatistics:
    """The statistics of one member, from columns of `over_steps` and `over_episodes`, the total's first."""
    names = ("total", *components)  # no component is "total"
    found = dict(zip(names, of_steps, strict=True))
    faults = [_fault(name, bad, undefined) for name, (*_, bad, undefined) in found.items()]
    mean, *_ = found.pop("total")
    moments = [EpisodeMoments(*column) for column in of_episodes[1:]]
    return ComponentStatistics(
        total=mean,
        components={name: row[0] for name, row in found.items()},
        least={name: row[1] for name, row in found.items()},
        greatest={name: row[2] for name, row in found.items()},
        sizes={name: row[3] for name, row in found.items()},
        episodes=dict(zip(components, moments, strict=True)) if moments else {},
        fault=broken or next((f for f in faults if f), None),
    )


def _fault(name: str, bad: float, undefined: float) -> str | None:
    if not bad:
        return None
    kind = "NaN" if undefined else "infinite or larger than 1e10"
    what = "the total reward" if name == "total" else f"the component {name!r}"
    return f"{what} was {kind} in {100.0 * bad:.3g}% of the values"
