"""Running moments, one set a member: of observations, of values, of discounted returns."""

from __future__ import annotations

import torch
from torch import Tensor


class RunningMoments:
    """Mean and variance of all samples so far, (P, *shape) each, kept in float64 (Chan, Golub and LeVeque 1979)."""

    def __init__(self, members: int, shape: tuple[int, ...], device: torch.device, floor: float = 1e-4):
        """Start as if nothing was seen: mean 0, variance 1. `normalize` divides by no less than `floor`."""
        self._floor = floor
        self.mean = torch.zeros(members, *shape, dtype=torch.float64, device=device)
        self.var = torch.ones(members, *shape, dtype=torch.float64, device=device)
        self.count = torch.zeros((), dtype=torch.float64, device=device)

    def update(self, samples: Tensor, alive: Tensor) -> None:
        """Take in `samples` (P, B, *shape) for the members of `alive` (P,) bool; the others keep their moments."""
        samples = samples.double()
        batch = samples.shape[1]
        batch_mean = samples.mean(dim=1)
        batch_var = (samples - batch_mean[:, None]).square().mean(dim=1)
        total = self.count + batch
        delta = batch_mean - self.mean
        share = batch / total
        mean = self.mean + delta * share
        var = self.var * (self.count / total) + batch_var * share + delta.square() * (self.count / total) * share
        keep = alive.reshape(-1, *[1] * (self.mean.dim() - 1))
        # In place: a captured graph reads these very tensors.
        self.mean.copy_(torch.where(keep, mean, self.mean))
        self.var.copy_(torch.where(keep, var, self.var))
        self.count.copy_(total)

    def normalize(self, samples: Tensor, limit: float) -> Tensor:
        """(P, B, *shape) float32 in units of standard deviations from the mean, clipped to +-`limit`."""
        mean, std = self.mean.float()[:, None], self.var.sqrt().clamp(min=self._floor).float()[:, None]
        return ((samples - mean) / std).clamp(-limit, limit)

    def denormalize(self, samples: Tensor) -> Tensor:
        """The inverse of `normalize` within its limits and above its floor; all are the mean while nothing varies."""
        return samples * self.var.sqrt().float()[:, None] + self.mean.float()[:, None]

    def save(self) -> dict[str, Tensor]:
        """Copies of the moments, to be given to `load`."""
        return {"mean": self.mean.clone(), "var": self.var.clone(), "count": self.count.clone()}

    def load(self, saved: dict[str, Tensor]) -> None:
        """Take over saved moments."""
        for mine, theirs in ((self.mean, saved["mean"]), (self.var, saved["var"]), (self.count, saved["count"])):
            mine.copy_(theirs)
