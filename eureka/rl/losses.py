"""PPO's actor and critic losses for a population, with hand-written gradients.

The actor loss is the clipped surrogate of Schulman et al. 2017 minus an entropy bonus, the critic loss the clipped
squared error, as in rsl_rl. Actor and critic share no parameters. A test compares the gradients with autograd.
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
    """Samples of one update, (P, B, ...)."""

    observation: Tensor  # (P, B, O), normalised
    action: Tensor  # (P, B, A) as sampled
    log_prob: Tensor  # (P, B) of those actions under the policy that sampled them
    mean: Tensor  # (P, B, A) of that policy's action distribution
    value: Tensor  # (P, B) at sampling time, in normalised units
    advantage: Tensor  # (P, B), standardised
    target: Tensor  # (P, B), returns in the value network's normalised units

    def members(self, chosen: slice) -> Batch:
        """The samples of some members."""
        return Batch(**{name: value[chosen] for name, value in vars(self).items()})

    def shuffle(self, order: Tensor) -> Batch:
        """The samples of every member in the order of the indices (B,)."""
        return Batch(**{name: value.index_select(1, order) for name, value in vars(self).items()})

    def chunks(self, count: int) -> list[Batch]:
        """Contiguous parts of nearly equal size."""
        parts = [value.chunk(count, dim=1) for value in vars(self).values()]
        return [Batch(*part) for part in zip(*parts, strict=True)]


@dataclass(frozen=True)
class Gradients:
    """A loss (P,) and its gradients (P, rows, columns) with respect to one network's parameters, in order."""

    loss: Tensor
    gradients: list[Tensor]


def log_probability(action: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """(P, B) log-density of actions (P, B, A) under Gaussians with means (P, B, A) and deviations (P, 1, A)."""
    log_norm = std.log().sum(-1) + std.shape[-1] * _LOG_ROOT_TAU
    return -0.5 * ((action - mean) / std).square().sum(-1) - log_norm


def gaussian_kl(old_mean: Tensor, old_std: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """(P,) KL(old || new) of diagonal Gaussians (P, B, A), summed over actions and averaged over B."""
    # In this form, as in rsl_rl, a change by rounding alone gives exactly 0, which leaves the learning rate as it is.
    ratio = (old_std.square() + (old_mean - mean).square()) / (2.0 * std.square())
    return (torch.log(std / old_std) + ratio - 0.5).sum(-1).mean(-1)


def actor(policy: Policy, batch: Batch, old_std: Tensor, settings: Learning) -> tuple[Gradients, Tensor, Tensor]:
    """The actors' surrogate loss; the entropy bonus enters the gradients only.

    Returns:
        The loss with the gradients of the network, the gradient with respect to log_std (P, 1, A), and the KL
        divergence (P,) from the sampling policy, whose standard deviations are `old_std` (P, 1, A).
    """
    played = policy.layers("actor", batch.observation)
    mean, std = played[0][-1], policy.std()
    error = (batch.action - mean) / std
    log_norm = policy.views["log_std"].sum(-1) + std.shape[-1] * _LOG_ROOT_TAU
    ratio = torch.exp(-0.5 * error.square().sum(-1) - log_norm - batch.log_prob)
    gain = ratio * batch.advantage
    clipped = ratio.clamp(1.0 - settings.clip, 1.0 + settings.clip) * batch.advantage
    loss = -torch.minimum(gain, clipped).mean(-1)
    # Where clipping lowers the gain, the gradient is 0; elsewhere d ratio = ratio d log_prob.
    weight = torch.where(gain <= clipped, gain, 0.0)[..., None] * (-1.0 / gain.shape[1])
    in_log_std = (weight * (error.square() - 1.0)).sum(1, keepdim=True) - settings.entropy
    kl = gaussian_kl(batch.mean, old_std, mean, std)
    return Gradients(loss, policy.gradients("actor", played, weight * (error / std))), in_log_std, kl


def critic(policy: Policy, batch: Batch, settings: Learning) -> Gradients:
    """The critics' loss, and its gradients times the value coefficient."""
    played = policy.layers("critic", batch.observation)
    value = played[0][-1][..., 0]
    change = value - batch.value
    clipped = batch.value + change.clamp(-settings.clip, settings.clip)
    error, clipped_error = value - batch.target, clipped - batch.target
    free, bounded = error.square(), clipped_error.square()
    loss = torch.maximum(free, bounded).mean(-1)
    # Where the clipped error is the larger one, the gradient is 0, unless nothing was clipped: then both are equal.
    flat = (bounded > free) & (change.abs() > settings.clip)
    gradient = error.masked_fill(flat, 0.0) * (2.0 * settings.value_coefficient / value.shape[1])
    return Gradients(loss, policy.gradients("critic", played, gradient[..., None]))
