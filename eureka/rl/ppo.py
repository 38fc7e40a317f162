"""Proximal policy optimisation (Schulman et al. 2017) for a population.

The update follows rsl_rl's PPO: clipped surrogate and value losses, a learning rate adapted to the KL divergence at
every minibatch, and gradient clipping by norm, all per member. Values and advantages are normalised per member, so the
scale of a reward does not matter.
"""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor

from eureka.config.settings import Learning
from eureka.noise import Noise
from eureka.physics.graphs import GraphedFunction
from eureka.rl import losses
from eureka.rl.losses import Batch, Gradients
from eureka.rl.normalization import RunningMoments
from eureka.rl.optimizer import PopulationAdam
from eureka.rl.policy import Policy
from eureka.rl.rollout import Rollout
from eureka.system.seeds import derive

_WORTH_A_THREAD = 15_000_000  # Samples of a minibatch times parameters of a member
LEARNING_RATES = (1e-5, 1e-2)  # Bounds of the adaptive learning rate, as in rsl_rl


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
        lam: lambda, the trace decay.

    Returns:
        (P, T, N) advantages. A timed-out episode bootstraps from the value of its terminal observation.
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
    """(P, B) with mean 0 and unbiased standard deviation 1 for each member."""
    return (x - x.mean(dim=1, keepdim=True)) / (x.std(dim=1, keepdim=True) + 1e-8)


def next_learning_rate(rate: Tensor, kl: Tensor, target: float) -> Tensor:
    """(P,) `rate` divided by 1.5 where `kl` is above twice the target, times 1.5 where it is below half of it."""
    slower = (rate / 1.5).clamp(min=LEARNING_RATES[0])
    faster = (rate * 1.5).clamp(max=LEARNING_RATES[1])
    return torch.where(kl > 2.0 * target, slower, torch.where((kl < 0.5 * target) & (kl > 0.0), faster, rate))


@dataclass(frozen=True)
class Diagnostics:
    """Means over the minibatches of one update, (P,) each."""

    kl: Tensor
    policy_loss: Tensor
    value_loss: Tensor


class Learner:
    """The networks of a population with their optimiser and running moments."""

    def __init__(self, policy: Policy, settings: Learning, seed: int, threads: int = 1):
        """Learn with `policy`.

        Args:
            policy: P members.
            settings: PPO's settings.
            seed: for the assignment of samples to minibatches, the same for all members.
            threads: number of threads to distribute the members over.
        """
        members, device = policy.flat.shape[0], policy.flat.device
        self.policy, self.settings = policy, settings
        self.optimizer = PopulationAdam(policy.flat)
        self.learning_rate = torch.full((members,), settings.learning_rate, device=device)
        self.evaluated = Policy(policy.shape, policy.flat.clone()) if settings.averaging else policy
        """The policy that checkpoints judge and keep: with `averaging`, an exponential moving average of `policy`."""
        self.observations = RunningMoments(members, (policy.shape.seen,), device)
        self.values = RunningMoments(members, (), device, floor=1e-8)
        self.values.var.zero_()  # before the first returns, all values are the mean: 0
        self.action_std = torch.zeros(members, device=device)
        """(P,) mean standard deviation of the actions, for choices of those of the latest rollout."""
        self._seed = torch.tensor([derive(seed, "minibatches")], device=device)
        threads = threads if device.type == "cpu" else 1
        self._shards = _shards(members, threads)
        one_thread = {"initializer": torch.set_num_threads, "initargs": (1,)}
        self._pool = ThreadPoolExecutor(threads, **one_thread) if threads > 1 else None
        self._two_threads = threads >= 2 * len(self._shards)  # Whether each shard has two threads
        self._replay = GraphedFunction(self._update_all, device)

    def update(self, rollout: Rollout, iteration: int, alive: Tensor) -> Diagnostics:
        """Update the members in `alive` (P,) bool; the others stay unchanged."""
        with torch.no_grad():
            batch = self._prepare(rollout, alive)
            orders = self._orders(batch.target.shape[1], iteration)
            found = self._replay(alive, orders, *vars(batch).values())
            distribution, std = self.policy.shape.distribution, self.policy.std()
            self.action_std = distribution.spread(rollout.output.flatten(1, 2), std)
            self.observations.update(rollout.raw_observation.flatten(1, 2), alive)
            if self.settings.averaging:
                # Of the first updates it is their mean, since the first policy is no better than any.
                weight = 1.0 / min(iteration + 1, self.settings.averaging)
                average = self.evaluated.flat
                average.copy_(torch.where(alive[:, None], average.lerp(self.policy.flat, weight), average))
        return Diagnostics(*found)

    def _update_all(self, alive: Tensor, orders: Tensor, *columns: Tensor) -> tuple[Tensor, ...]:
        batch = Batch(*columns)
        if self._pool is None or len(self._shards) == 1:
            parts = [self._update(shard, batch, orders, alive) for shard in self._shards]
        else:
            parts = list(self._pool.map(lambda shard: self._update(shard, batch, orders, alive), self._shards))
        return tuple(torch.cat(column) for column in zip(*parts, strict=True))

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
            output=rollout.output.flatten(1, 2),
            value=rollout.value.flatten(1),
            advantage=standardize(advantage.flatten(1)),
            target=self.values.normalize(returns, limit=math.inf),
        )

    def _orders(self, samples: int, iteration: int) -> Tensor:
        """(epochs, samples) permutation of the samples for each epoch, the same for all members."""
        clock = torch.full((1,), iteration, dtype=torch.int64, device=self._seed.device)
        noise = Noise(self._seed, clock)
        return torch.stack([noise.integers(f"epoch {e}", samples)[0].argsort() for e in range(self.settings.epochs)])

    @torch.no_grad()
    def _update(self, shard: slice, batch: Batch, orders: Tensor, alive: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        batch, alive = batch.members(shard), alive[shard]
        rate = self.learning_rate[shard]
        optimizer = self.optimizer.members(shard)
        policy = self.policy.members(shard)
        old_std = policy.std()
        sums = [torch.zeros_like(rate) for _ in range(3)]
        count = 0
        for order in orders.unbind():
            for part in batch.shuffle(order).chunks(self.settings.minibatches):
                actor, in_log_std, kl, critic = self._gradients(policy, part, old_std)
                rate.copy_(torch.where(alive, next_learning_rate(rate, kl, self.settings.kl_target), rate))
                gradients = [*actor.gradients, *critic.gradients, in_log_std]
                gradient = torch.cat([g.flatten(1) for g in gradients], dim=1)
                optimizer.step(gradient, rate, alive, self.settings.gradient_norm)
                count += 1
                for total, value in zip(sums, (kl, actor.loss, critic.loss), strict=True):
                    total += value
        return sums[0] / count, sums[1] / count, sums[2] / count

    def _gradients(self, policy: Policy, part: Batch, old_std: Tensor) -> tuple[Gradients, Tensor, Tensor, Gradients]:
        """The gradients of both networks; a second thread, if there is one, does not change the result."""
        work = math.prod(part.target.shape) * policy.flat.shape[1]
        if self._two_threads and self._pool is not None and work > _WORTH_A_THREAD:
            later = self._pool.submit(losses.critic, policy, part, self.settings)
            return *losses.actor(policy, part, old_std, self.settings), later.result()
        return *losses.actor(policy, part, old_std, self.settings), losses.critic(policy, part, self.settings)

    def save(self) -> dict[str, Tensor]:
        """All state that `load` needs to continue exactly; the leading axis is P, except for counters."""
        saved = {
            "policy": self.policy.flat,
            "adam/first": self.optimizer.first,
            "adam/second": self.optimizer.second,
            "adam/steps": self.optimizer.steps,
            "learning_rate": self.learning_rate,
        }
        if self.settings.averaging:
            saved["average"] = self.evaluated.flat
        saved |= {f"observations/{k}": v for k, v in self.observations.save().items()}
        return saved | {f"values/{k}": v for k, v in self.values.save().items()}

    def load(self, saved: dict[str, Tensor]) -> None:
        """Restore a state from `save`."""
        self.policy.flat.copy_(saved["policy"])
        if self.settings.averaging:
            self.evaluated.flat.copy_(saved["average"])
        self.optimizer.first.copy_(saved["adam/first"])
        self.optimizer.second.copy_(saved["adam/second"])
        self.optimizer.steps.copy_(saved["adam/steps"])
        self.learning_rate.copy_(saved["learning_rate"])
        for name, moments in (("observations", self.observations), ("values", self.values)):
            moments.load({k.removeprefix(f"{name}/"): v for k, v in saved.items() if k.startswith(f"{name}/")})


def _shards(members: int, threads: int) -> list[slice]:
    """Contiguous ranges of members of nearly equal size, at most one per thread."""
    count = max(1, min(members, threads))
    edges = [members * i // count for i in range(count + 1)]
    return [slice(a, b) for a, b in itertools.pairwise(edges)]
