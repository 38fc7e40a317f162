"""PPO's actor and critic losses for a population, with hand-written gradients.

The actor loss is the clipped surrogate of Schulman et al. 2017 minus an entropy bonus, the critic loss the clipped
squared error, as in rsl_rl. Actor and critic share no parameters. A test compares the gradients with autograd.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from eureka.config.settings import Learning
from eureka.rl.policy import Policy


@dataclass(frozen=True)
class Batch:
    """Samples of one update, (P, B, ...)."""

    observation: Tensor  # (P, B, O), normalised
    action: Tensor  # (P, B, A) as sampled
    log_prob: Tensor  # (P, B) of those actions under the policy that sampled them
    output: Tensor  # (P, B, A) of that policy's actor
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


def actor(policy: Policy, batch: Batch, old_std: Tensor, settings: Learning) -> tuple[Gradients, Tensor, Tensor]:
    """The actors' surrogate loss; the entropy bonus enters the gradients only.

    Returns:
        The loss with the gradients of the network, the gradient with respect to log_std (P, 1, S), and the KL
        divergence (P,) from the sampling policy, whose standard deviations are `old_std` (P, 1, S).
    """
    played = policy.layers("actor", batch.observation)
    output, distribution = played[0][-1], policy.shape.distribution
    found = distribution.likelihood(batch.action, output, policy.views["log_std"])
    ratio = torch.exp(found.log_prob - batch.log_prob)
    gain = ratio * batch.advantage
    clipped = ratio.clamp(1.0 - settings.clip, 1.0 + settings.clip) * batch.advantage
    loss = -torch.minimum(gain, clipped).mean(-1)
    # Where clipping lowers the gain, the gradient is 0; elsewhere d ratio = ratio d log_prob.
    weight = torch.where(gain <= clipped, gain, 0.0)[..., None] * (-1.0 / gain.shape[1])
    in_output = weight * found.in_output
    in_log_std = (weight * found.in_log_std).sum(1, keepdim=True)
    if found.entropy_in_output is None:
        in_log_std = in_log_std - settings.entropy
    else:
        in_output = in_output - (settings.entropy / gain.shape[1]) * found.entropy_in_output
    kl = distribution.kl(batch.output, old_std, output, policy.std())
    return Gradients(loss, policy.gradients("actor", played, in_output)), in_log_std, kl


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
