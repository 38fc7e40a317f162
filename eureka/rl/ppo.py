"""Proximal policy optimisation (Schulman et al. 2017) for a population.

The update follows rsl_rl's PPO: clipped surrogate and value losses, a learning rate that follows the KL divergence
at every minibatch, gradients clipped by norm. Every one of those is per member here. Values are normalised and
advantages standardised per member, so that a reward's scale does not matter.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor

from eureka.config import Learning
from eureka.noise import Noise
from eureka.rl.normalize import RunningMoments
from eureka.rl.optimizer import PopulationAdam
from eureka.rl.policy import Policy
from eureka.rl.rollout import Rollout
from eureka.seeds import derive

LEARNING_RATES = (1e-5, 1e-2)
"""Bounds of the adaptive learning rate, as in rsl_rl."""


def advantages(
    rewards: Tensor,
    values: Tensor,
    terminal_values: Tensor,
    last_value: Tensor,
    ended: Tensor,
    timed_out: Tensor,
    gamma: float,
    lam: float,
) -> Tensor:
    """Generalised advantage estimation (Schulman et al. 2016) for a population.

    Args:
        rewards, values, terminal_values, ended, timed_out: (P, T, N), values in units of the reward.
        last_value: (P, N), value of the state after the last step.
        gamma: discount.
        lam: lambda, the weight of longer looks ahead.

    Returns:
        (P, T, N) advantages. A time-out bootstraps from the value of its terminal observation: cut, not lost.
    """
    result = torch.empty_like(rewards)
    ahead = torch.zeros_like(last_value)
    next_value = last_value
    for t in reversed(range(rewards.shape[1])):
        bootstrap = torch.where(ended[:, t], terminal_values[:, t] * timed_out[:, t], next_value)
        delta = rewards[:, t] + gamma * bootstrap - values[:, t]
        ahead = torch.where(ended[:, t], delta, delta + gamma * lam * ahead)
        result[:, t] = ahead
        next_value = values[:, t]
    return result


def standardize(x: Tensor) -> Tensor:
    """(P, B) with mean 0 and (unbiased) deviation 1 in each member."""
    return (x - x.mean(dim=1, keepdim=True)) / (x.std(dim=1, keepdim=True) + 1e-8)


def next_learning_rate(rate: Tensor, kl: Tensor, target: float) -> Tensor:
    """(P,) divided by 1.5 where the policy moved over twice the target KL, times 1.5 where under half of it."""
    slower = (rate / 1.5).clamp(min=LEARNING_RATES[0])
    faster = (rate * 1.5).clamp(max=LEARNING_RATES[1])
    return torch.where(kl > 2.0 * target, slower, torch.where((kl < 0.5 * target) & (kl > 0.0), faster, rate))


def gaussian_kl(old_mean: Tensor, old_std: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """(P,) KL(old || new) of diagonal Gaussians (P, B, A), summed over actions and averaged over B."""
    ratio = (old_std.square() + (old_mean - mean).square()) / (2.0 * std.square())
    return (torch.log(std / old_std) + ratio - 0.5).sum(-1).mean(-1)


@dataclass(frozen=True)
class Batch:
    """A rollout as the update wants it: (P, B, ...), B = T x N."""

    observation: Tensor
    action: Tensor
    log_prob: Tensor
    mean: Tensor
    value: Tensor
    advantage: Tensor
    target: Tensor
    """Returns in the value network's normalised units."""

    def members(self, chosen: slice) -> Batch:
        """Some members' rows."""
        return Batch(**{name: value[chosen] for name, value in vars(self).items()})

    def rows(self, index: Tensor) -> Batch:
        """Some samples of every member."""
        return Batch(**{name: value.index_select(1, index) for name, value in vars(self).items()})


@dataclass(frozen=True)
class Diagnostics:
    """Means over the minibatches of one update, (P,) each."""

    kl: Tensor
    policy_loss: Tensor
    value_loss: Tensor


class Learner:
    """The part of a population that changes by gradient steps."""

    def __init__(self, policy: Policy, settings: Learning, seed: int, threads: int = 1):
        """Learn with `policy`.

        Args:
            policy: P members.
            settings: PPO's settings.
            seed: decides how samples are dealt to minibatches; the same for all members.
            threads: over how many threads the members are spread.
        """
        members, device = policy.flat.shape[0], policy.flat.device
        self.policy, self.settings = policy, settings
        self.optimizer = PopulationAdam(policy.flat)
        self.learning_rate = torch.full((members,), settings.learning_rate, device=device)
        self.observations = RunningMoments(members, (policy.shape.observation,), device)
        self.values = RunningMoments(members, (), device, floor=1e-8)
        self.values.var.zero_()  # before any return is known, all values are the mean: 0
        self._seed = torch.tensor([derive(seed, "minibatches")], device=device)
        self._shards = _shards(members, threads if device.type == "cpu" else 1)
        count = len(self._shards)
        one_thread = {"initializer": torch.set_num_threads, "initargs": (1,)}
        self._pool = ThreadPoolExecutor(count, **one_thread) if count > 1 else None

    def update(self, rollout: Rollout, iteration: int, alive: Tensor) -> Diagnostics:
        """One PPO update of the members of `alive` (P,) bool; the others stay as they are."""
        with torch.no_grad():
            batch = self._prepare(rollout, alive)
            orders = self._orders(batch.target.shape[1], iteration)
        if self._pool is None:
            parts = [self._update(shard, batch, orders, alive) for shard in self._shards]
        else:
            parts = list(self._pool.map(lambda shard: self._update(shard, batch, orders, alive), self._shards))
        with torch.no_grad():
            self.observations.update(rollout.raw_observation.flatten(1, 2), alive)
        return Diagnostics(*[torch.cat(column) for column in zip(*parts, strict=True)])

    def _prepare(self, rollout: Rollout, alive: Tensor) -> Batch:
        settings = self.settings

        def in_reward_units(value: Tensor) -> Tensor:
            return self.values.denormalize(value.flatten(1)).reshape(value.shape)

        values = in_reward_units(rollout.value)
        advantage = advantages(
            rollout.reward,
            values,
            in_reward_units(rollout.terminal_value),
            in_reward_units(rollout.last_value),
            rollout.ended,
            rollout.timed_out,
            settings.gamma,
            settings.lam,
        )
        returns = (advantage + values).flatten(1)
        self.values.update(returns, alive)
        return Batch(
            observation=rollout.observation.flatten(1, 2),
            action=rollout.action.flatten(1, 2),
            log_prob=rollout.log_prob.flatten(1),
            mean=rollout.mean.flatten(1, 2),
            value=rollout.value.flatten(1),
            advantage=standardize(advantage.flatten(1)),
            target=self.values.normalize(returns, limit=math.inf),
        )

    def _orders(self, samples: int, iteration: int) -> list[Tensor]:
        """A shuffle of the samples for each epoch, the same for all members."""
        clock = torch.full((1,), iteration, dtype=torch.int64, device=self._seed.device)
        noise = Noise(self._seed, clock)
        return [noise.integers(f"epoch {e}", samples)[0].argsort() for e in range(self.settings.epochs)]

    def _update(
        self, shard: slice, batch: Batch, orders: Sequence[Tensor], alive: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        batch, alive = batch.members(shard), alive[shard]
        rate = self.learning_rate[shard]
        optimizer = self.optimizer.members(shard)
        policy = self.policy.members(shard).leaves()
        parameters = list(policy.views.values())
        with torch.no_grad():
            old_std = policy.std().clone()
        sums = [torch.zeros_like(rate) for _ in range(3)]
        count = 0
        for order in orders:
            for index in order.chunk(self.settings.minibatches):
                part = batch.rows(index)
                policy_loss, value_loss, loss, kl = self._losses(policy, part, old_std)
                rate.copy_(torch.where(alive, next_learning_rate(rate, kl, self.settings.kl_target), rate))
                # Members share no parameter, so the sum's gradient is each member's own.
                gradients = torch.autograd.grad(loss.sum(), parameters)
                with torch.no_grad():
                    flat = torch.cat([g.flatten(1) for g in gradients], dim=1)
                    optimizer.step(flat, rate, alive, self.settings.gradient_norm)
                count += 1
                for total, value in zip(sums, (kl, policy_loss, value_loss), strict=True):
                    total += value.detach()
        return sums[0] / count, sums[1] / count, sums[2] / count

    def _losses(self, policy: Policy, batch: Batch, old_std: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(P,) policy loss, value loss, whole loss, and the KL divergence so far."""
        settings = self.settings
        mean, std = policy.mean(batch.observation), policy.std()
        log_std = policy.views["log_std"]
        log_prob = (-0.5 * ((batch.action - mean) / std).square() - log_std - 0.5 * math.log(2.0 * math.pi)).sum(-1)
        ratio = torch.exp(log_prob - batch.log_prob)
        clipped = ratio.clamp(1.0 - settings.clip, 1.0 + settings.clip)
        policy_loss = -torch.minimum(ratio * batch.advantage, clipped * batch.advantage).mean(-1)
        value = policy.value(batch.observation)
        near = batch.value + (value - batch.value).clamp(-settings.clip, settings.clip)
        errors = torch.maximum((value - batch.target).square(), (near - batch.target).square())
        value_loss = errors.mean(-1)
        entropy = (log_std + 0.5 + 0.5 * math.log(2.0 * math.pi)).sum((-1, -2))
        with torch.no_grad():
            kl = gaussian_kl(batch.mean, old_std, mean, std)
        loss = policy_loss + settings.value_coefficient * value_loss - settings.entropy * entropy
        return policy_loss, value_loss, loss, kl

    def save(self) -> dict[str, Tensor]:
        """Everything that `load` needs to go on exactly from here; all but counters lead with P."""
        saved = {
            "policy": self.policy.flat,
            "adam/first": self.optimizer.first,
            "adam/second": self.optimizer.second,
            "adam/steps": self.optimizer.steps,
            "learning_rate": self.learning_rate,
        }
        saved |= {f"observations/{k}": v for k, v in self.observations.save().items()}
        return saved | {f"values/{k}": v for k, v in self.values.save().items()}

    def load(self, saved: dict[str, Tensor]) -> None:
        """Go on from what `save` gave."""
        self.policy.flat.copy_(saved["policy"])
        self.optimizer.first.copy_(saved["adam/first"])
        self.optimizer.second.copy_(saved["adam/second"])
        self.optimizer.steps.copy_(saved["adam/steps"])
        self.learning_rate.copy_(saved["learning_rate"])
        for name, moments in (("observations", self.observations), ("values", self.values)):
            moments.load({k.removeprefix(f"{name}/"): v for k, v in saved.items() if k.startswith(f"{name}/")})


def _shards(members: int, threads: int) -> list[slice]:
    """Members cut into contiguous parts of nearly equal size, at most one a thread."""
    count = max(1, min(members, threads))
    edges = [members * i // count for i in range(count + 1)]
    return [slice(a, b) for a, b in itertools.pairwise(edges)]
