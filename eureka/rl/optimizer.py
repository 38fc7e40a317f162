"""Adam for a population: one step of all members, each with its own learning rate, clipping and right to move."""

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
        part.flat = self.flat.data[chosen]
        part.first, part.second = self.first[chosen], self.second[chosen]
        part.steps = self.steps[chosen]
        return part

    def step(self, gradient: Tensor, learning_rate: Tensor, alive: Tensor, max_norm: float) -> Tensor:
        """Move the living members.

        Args:
            gradient: (P, D); a dead member's may hold anything, NaN too.
            learning_rate: (P,).
            alive: (P,) bool, who moves.
            max_norm: gradients longer than this are shortened to it, each member's on its own.

        Returns:
            (P,) the norms before clipping.
        """
        norm = torch.linalg.vector_norm(gradient, dim=1)
        # The same 1e-6 as torch.nn.utils.clip_grad_norm_.
        clipped = gradient * (max_norm / (norm + 1e-6)).clamp(max=1.0)[:, None]
        clipped = torch.where(alive[:, None], clipped, 0.0)
        b1, b2 = self.betas
        self.steps += 1
        self.first.mul_(b1).add_(clipped, alpha=1 - b1)
        self.second.mul_(b2).addcmul_(clipped, clipped, value=1 - b2)
        # An array power of a float32 tensor would round its tail otherwise; exp and log do not.
        correction1 = 1 - torch.exp(self.steps.double() * math.log(b1)).float()
        correction2 = 1 - torch.exp(self.steps.double() * math.log(b2)).float()
        denominator = (self.second / correction2).sqrt_().add_(self.epsilon)
        update = (self.first / correction1).div_(denominator).mul_(learning_rate[:, None])
        self.flat.sub_(torch.where(alive[:, None], update, 0.0))
        return norm
