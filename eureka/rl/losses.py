"""PPO's two losses for a population, and their slopes by hand.

The actor's is the clipped surrogate of Schulman et al. 2017 less an entropy bonus, the critic's the clipped squared
error, as in rsl_rl. Actor and critic share no parameter, so each is a computation of its own. A test holds the slopes
against autograd's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from eureka.config.settings import Learning
from eureka.rl.policy import Policy

_LOG_ROOT_TAU = 0.5 * math.log(2.0 * math.pi)


@dataclass(frozen=True)
class Batch:
    """Samples as the update wants them, (P, B, ...)."""

    observation: Tensor
    """(P, B, O), normalised."""
    action: Tensor
    """(P, B, A) as sampled."""
    log_prob: Tensor
    """(P, B) of those actions when they were sampled."""
    mean: Tensor
    """(P, B, A) of the action's distribution then."""
    value: Tensor
    """(P, B) then, in normalised units."""
    advantage: Tensor
    """(P, B), standardised."""
    target: Tensor
    """(P, B), returns in the value network's normalised units."""

    def members(self, chosen: slice) -> Batch:
        """Some members' samples."""
        return Batch(**{name: value[chosen] for name, value in vars(self).items()})

    def shuffled(self, order: Tensor) -> Batch:
        """Every member's samples in the order of the indices (B,)."""
        return Batch(**{name: value.index_select(1, order) for name, value in vars(self).items()})

    def chunks(self, count: int) -> list[Batch]:
        """Contiguous parts of nearly equal size."""
        parts = [value.chunk(count, dim=1) for value in vars(self).values()]
        return [Batch(*part) for part in zip(*parts, strict=True)]


@dataclass(frozen=True)
class Gradients:
    """A loss (P,) and its gradients (P, rows, columns) in some parameters, in their order."""

    loss: Tensor
    gradients: list[Tensor]


def log_probability(action: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """(P, B) log-density of actions (P, B, A) under Gaussians with means (P, B, A) and deviations (P, 1, A)."""
    log_norm = std.log().sum(-1) + std.shape[-1] * _LOG_ROOT_TAU
    return -0.5 * ((action - mean) / std).square().sum(-1) - log_norm


def gaussian_kl(old_mean: Tensor, old_std: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """(P,) KL(old || new) of diagonal Gaussians (P, B, A), summed over actions and averaged over B."""
    # In this form, as in rsl_rl's, what rounding alone moved gives exactly 0, to which no learning rate responds.
    ratio = (old_std.square() + (old_mean - mean).square()) / (2.0 * std.square())
    return (torch.log(std / old_std) + ratio - 0.5).sum(-1).mean(-1)


def actor(policy: Policy, batch: Batch, old_std: Tensor, settings: Learning) -> tuple[Gradients, Tensor, Tensor]:
    """The actors' surrogate loss, with the entropy bonus in its slopes alone.

    Returns:
        The slope, the entropy's and surrogate's gradient in log_std (P, 1, A), and the KL divergence (P,) from the
        policy that sampled, whose deviations were `old_std` (P, 1, A).
    """
    layers = policy.layers("actor", batch.observation)
    mean, std = layers[-1], policy.std()
    error = (batch.action - mean) / std
    log_norm = policy.views["log_std"].sum(-1) + std.shape[-1] * _LOG_ROOT_TAU
    ratio = torch.exp(-0.5 * error.square().sum(-1) - log_norm - batch.log_prob)
    gain = ratio * batch.advantage
    clipped = ratio.clamp(1.0 - settings.clip, 1.0 + settings.clip) * batch.advantage
    loss = -torch.minimum(gain, clipped).mean(-1)
    # Where clipping lowers the gain, the loss is flat; elsewhere d ratio = ratio d log_prob.
    weight = torch.where(gain <= clipped, gain, 0.0)[..., None] * (-1.0 / gain.shape[1])
    in_log_std = (weight * (error.square() - 1.0)).sum(1, keepdim=True) - settings.entropy
    kl = gaussian_kl(batch.mean, old_std, mean, std)
    return Gradients(loss, policy.gradients("actor", layers, weight * (error / std))), in_log_std, kl


def critic(policy: Policy, batch: Batch, settings: Learning) -> Gradients:
    """The critics' loss, and its slopes times the value coefficient."""
    layers = policy.layers("critic", batch.observation)
    value = layers[-1][..., 0]
    moved = value - batch.value
    near = batch.value + moved.clamp(-settings.clip, settings.clip)
    error, near_error = value - batch.target, near - batch.target
    free, held = error.square(), near_error.square()
    loss = torch.maximum(free, held).mean(-1)
    # Where the clipped error is the larger one it is flat, unless nothing was clipped, and then both are the same.
    flat = (held > free) & (moved.abs() > settings.clip)
    slope = error.masked_fill(flat, 0.0) * (2.0 * settings.value_coefficient / value.shape[1])
    return Gradients(loss, policy.gradients("critic", layers, slope[..., None]))
