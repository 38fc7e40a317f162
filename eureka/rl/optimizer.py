"""Adam for a population: one step for all members, with learning rate and clipping per member."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class PopulationAdam:
    """Adam (Kingma and Ba 2015, with bias correction) on a flat (P, D) parameter tensor, in place."""

    def __init__(self, flat: Tensor, betas: tuple[float, float] = (0.9, 0.999), epsilon: float = 1e-8):
        """Start with zero moments for the parameters `flat` (P, D)."""
        self.flat = flat
        self.betas, self.epsilon = betas, epsilon
        self.first = torch.zeros_like(flat)
        self.second = torch.zeros_like(flat)
        self.steps = torch.zeros(flat.shape[0], 1, device=flat.device)

    def members(self, chosen: slice) -> PopulationAdam:
        """The optimiser of some members, sharing memory with this one."""
        part = PopulationAdam.__new__(PopulationAdam)
        part.betas, part.epsilon = self.betas, self.epsilon
        part.flat = self.flat[chosen]
        part.first, part.second = self.first[chosen], self.second[chosen]
        part.steps = self.steps[chosen]
        return part

    def step(self, gradient: Tensor, learning_rate: Tensor, alive: Tensor, max_norm: float) -> Tensor:
        """Update the parameters of the members in `alive`.

        Args:
            gradient: (P, D); overwritten. Rows of other members may hold any values, NaN included.
            learning_rate: (P,).
            alive: (P,) bool, the members to update.
            max_norm: each member's gradient is clipped to this norm.

        Returns:
            (P,) norms before clipping.
        """
        norm = torch.linalg.vector_norm(gradient, dim=1)
        self.steps += 1
        # The same 1e-6 as torch.nn.utils.clip_grad_norm_.
        scale = (max_norm / (norm + 1e-6)).clamp(max=1.0)
        if self.flat.device.type == "cpu":
            self._fused(gradient, learning_rate, alive, scale)
        else:
            self._captured(gradient.mul_(scale[:, None]), learning_rate, alive)
        return norm

    def _fused(self, gradient: Tensor, learning_rate: Tensor, alive: Tensor, scale: Tensor) -> None:
        """torch's own kernel, with one pass over the parameters, for one member after another."""
        members = zip(alive.tolist(), learning_rate.tolist(), scale.reciprocal().unbind(), strict=True)
        rows = (gradient, self.flat, self.first, self.second, self.steps)
        for (living, rate, divisor), row in zip(members, zip(*rows, strict=True), strict=True):
            if living:
                change, flat, first, second, steps = row
                torch._fused_adam_(  # type: ignore[attr-defined]
                    [flat],
                    [change],
                    [first],
                    [second],
                    [],
                    [steps],
                    lr=rate,
                    beta1=self.betas[0],
                    beta2=self.betas[1],
                    weight_decay=0.0,
                    eps=self.epsilon,
                    amsgrad=False,
                    maximize=False,
                    grad_scale=divisor,
                )

    def _captured(self, clipped: Tensor, learning_rate: Tensor, alive: Tensor) -> None:
        """The same for all members at once, without a look at values, as CUDA graphs require."""
        b1, b2 = self.betas
        # The moments of members not in `alive` become meaningless; they are never updated again.
        self.first.lerp_(clipped, 1 - b1)
        self.second.mul_(b2).addcmul_(clipped, clipped, value=1 - b2)
        # `pow` rounds the last elements of a float32 tensor differently; exp and log do not.
        steps = self.steps.double()
        correction1 = 1 - torch.exp(steps * math.log(b1))
        root2 = (1 - torch.exp(steps * math.log(b2))).sqrt()
        # rate * (first / correction1) / (sqrt(second / correction2) + epsilon), with one pass fewer over the parameters
        scale = learning_rate[:, None] * (root2 / correction1).float()
        update = self.second.sqrt().add_((self.epsilon * root2).float())
        update = torch.div(self.first, update, out=update).mul_(scale)
        self.flat.sub_(update.masked_fill_(~alive[:, None], 0.0))
