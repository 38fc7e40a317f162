"""Distributions of a policy's actions: normal ones, or choices among a few."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from eureka.envs.base import chosen
from eureka.noise import Noise

_LOG_ROOT_TAU = 0.5 * math.log(2.0 * math.pi)


@dataclass(frozen=True)
class Likelihood:
    """Log-probabilities of sampled actions, with derivatives; of the entropy as well where it depends on the output."""

    log_prob: Tensor  # (P, B)
    in_output: Tensor  # (P, B, A), of log_prob with respect to the network's output
    in_log_std: Tensor  # (P, B, S), of log_prob with respect to log_std; S is A or 0
    entropy_in_output: Tensor | None  # (P, B, A), of the entropy; None: it does not depend on the output


class Distribution(Protocol):
    """How actions (P, B, A) are drawn, given the actor's output (P, B, A) and deviations (P, 1, S)."""

    def deviations(self, actions: int) -> int:
        """S, the number of parameters log_std; A or 0."""
        ...

    def noise(self, noise: Noise, actions: int) -> Tensor:
        """(M, A) random numbers for `sample`, from streams of M keys."""
        ...

    def sample(self, output: Tensor, std: Tensor, noise: Tensor) -> Tensor:
        """(P, B, A) actions from numbers (P, B, A) of `noise`."""
        ...

    def log_probability(self, action: Tensor, output: Tensor, std: Tensor) -> Tensor:
        """(P, B), of actions that were sampled."""
        ...

    def likelihood(self, action: Tensor, output: Tensor, log_std: Tensor) -> Likelihood:
        """`log_probability` with its derivatives; `log_std` (P, 1, S) is the logarithm of the deviations."""
        ...

    def kl(self, old_output: Tensor, old_std: Tensor, output: Tensor, std: Tensor) -> Tensor:
        """(P,) KL(old || new), summed over actions and averaged over B."""
        ...

    def spread(self, output: Tensor, std: Tensor) -> Tensor:
        """(P,) standard deviation of an action, the mean over B and A."""
        ...


class Gaussian:
    """Normal actions with state-independent deviations; the output is their mean."""

    def deviations(self, actions: int) -> int:
        return actions

    def noise(self, noise: Noise, actions: int) -> Tensor:
        return noise.normal("action", actions)

    def sample(self, output: Tensor, std: Tensor, noise: Tensor) -> Tensor:
        return output + std * noise

    def log_probability(self, action: Tensor, output: Tensor, std: Tensor) -> Tensor:
        log_norm = std.log().sum(-1) + std.shape[-1] * _LOG_ROOT_TAU
        return -0.5 * ((action - output) / std).square().sum(-1) - log_norm

    def likelihood(self, action: Tensor, output: Tensor, log_std: Tensor) -> Likelihood:
        std = log_std.exp()
        error = (action - output) / std
        log_norm = log_std.sum(-1) + std.shape[-1] * _LOG_ROOT_TAU
        square = error.square()
        return Likelihood(-0.5 * square.sum(-1) - log_norm, error / std, square - 1.0, None)

    def kl(self, old_output: Tensor, old_std: Tensor, output: Tensor, std: Tensor) -> Tensor:
        # In this form, as in rsl_rl, a change by rounding alone gives exactly 0, which leaves the learning rate as it
        # is.
        ratio = (old_std.square() + (old_output - output).square()) / (2.0 * std.square())
        return (torch.log(std / old_std) + ratio - 0.5).sum(-1).mean(-1)

    def spread(self, output: Tensor, std: Tensor) -> Tensor:
        return std.mean((1, 2))


@dataclass(frozen=True)
class Categorical:
    """Independent choices, one among each of `choices`; actions are one-hot, the output are logits, and S is 0."""

    choices: tuple[int, ...]

    def deviations(self, actions: int) -> int:
        return 0

    def noise(self, noise: Noise, actions: int) -> Tensor:
        # The largest of logits with Gumbel noise is a sample of their softmax.
        return -(-noise.uniform("action", actions).log()).log()

    def sample(self, output: Tensor, std: Tensor, noise: Tensor) -> Tensor:
        return chosen(output + noise, self.choices)

    def log_probability(self, action: Tensor, output: Tensor, std: Tensor) -> Tensor:
        return (action * self._log_softmax(output)).sum(-1)

    def likelihood(self, action: Tensor, output: Tensor, log_std: Tensor) -> Likelihood:
        logs = self._log_softmax(output)
        probabilities = logs.exp()
        surprise = probabilities * logs
        entropy = torch.cat([-part.sum(-1, keepdim=True).expand_as(part) for part in self._parts(surprise)], dim=-1)
        return Likelihood(
            (action * logs).sum(-1), action - probabilities, log_std, -(surprise + probabilities * entropy)
        )

    def kl(self, old_output: Tensor, old_std: Tensor, output: Tensor, std: Tensor) -> Tensor:
        old = self._log_softmax(old_output)
        return (old.exp() * (old - self._log_softmax(output))).sum(-1).mean(-1)

    def spread(self, output: Tensor, std: Tensor) -> Tensor:
        probabilities = self._log_softmax(output).exp()
        return (probabilities * (1.0 - probabilities)).sqrt().mean((1, 2))

    def _parts(self, values: Tensor) -> tuple[Tensor, ...]:
        return values.split(self.choices, dim=-1)

    def _log_softmax(self, output: Tensor) -> Tensor:
        return torch.cat([part.log_softmax(-1) for part in self._parts(output)], dim=-1)
