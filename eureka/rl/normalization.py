"""Running moments of observations and returns, per member."""

from __future__ import annotations

import torch
from torch import Tensor


class RunningMoments:
    """Mean and variance of all samples so far, (P, *shape) float64 each (Chan, Golub and LeVeque 1979)."""

    def __init__(self, members: int, shape: tuple[int, ...], device: torch.device, floor: float = 1e-4):
        """Start with mean 0 and variance 1; `floor` is the least deviation that `normalize` divides by."""
        self._floor = floor
        self.mean = torch.zeros(members, *shape, dtype=torch.float64, device=device)
        self.var = torch.ones(members, *shape, dtype=torch.float64, device=device)
        self.count = torch.zeros((), dtype=torch.float64, device=device)

    def update(self, samples: Tensor, alive: Tensor) -> None:
        """Update the members in `alive` (P,) bool with `samples` (P, B, *shape); the others keep their moments."""
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
        # In place: a captured graph reads these tensors.
        self.mean.copy_(torch.where(keep, mean, self.mean))
        self.var.copy_(torch.where(keep, var, self.var))
        self.count.copy_(total)

    def normalize(self, samples: Tensor, limit: float) -> Tensor:
        """(P, B, *shape) float32, in standard deviations from the mean, clipped to +-`limit`."""
        mean, std = self.mean.float()[:, None], self.deviations()[:, None]
        return ((samples - mean) / std).clamp(-limit, limit)

    def deviations(self) -> Tensor:
        """(P, *shape) float32, what `normalize` divides by."""
        return self.var.sqrt().clamp(min=self._floor).float()

    def denormalize(self, samples: Tensor) -> Tensor:
        """The inverse of `normalize`, except where that clips or uses its floor; zero variance gives the mean."""
        return samples * self.var.sqrt().float()[:, None] + self.mean.float()[:, None]

    def save(self) -> dict[str, Tensor]:
        """Copies of the moments, for `load`."""
        return {"mean": self.mean.clone(), "var": self.var.clone(), "count": self.count.clone()}

    def load(self, saved: dict[str, Tensor]) -> None:
        """Restore moments from `save`."""
        for mine, theirs in ((self.mean, saved["mean"]), (self.var, saved["var"]), (self.count, saved["count"])):
            mine.copy_(theirs)
