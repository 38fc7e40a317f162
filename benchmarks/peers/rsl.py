"""rsl_rl's own training loop and PPO (Schwarke et al. 2025) on an environment of ours, with one member.

    env = Env(task, ThreadPhysics(model, 64, threads), torch.tensor([seed]), "train")
    for iteration in Peer(env, bank, learning, seed).learn():
        print(iteration.collection, iteration.learning, iteration.training_return)

All sizes and coefficients are those of our own settings. What cannot be set to equal stays rsl_rl's:

- Returns are not normalised, and so its value loss and value clipping depend on the reward's scale.
- Observations are divided by their deviation + 0.01, and not cut at 10 deviations.
- The last layer of the actor begins as torch's Linear does; ours a hundred times smaller, so that means begin near 0.
- One shuffle of the samples serves all epochs of an update; ours has one an epoch.
- The norms of actor's and critic's gradients are limited apart (together in its versions before 4, and in ours).
- A time-out is bootstrapped from the value of the observation before the step; ours from that after it.
"""

from __future__ import annotations

import contextlib
import io
import math
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from rsl_rl.algorithms import PPO
from rsl_rl.env import VecEnv
from rsl_rl.runners import OnPolicyRunner
from tensordict import TensorDict
from torch import Tensor

from eureka.config.settings import Learning
from eureka.envs.env import Env
from eureka.rewards.program import ProgramBank

RECENT = 100
"""Episodes in the mean return of training."""


@dataclass(frozen=True)
class Iteration:
    """One rollout and one update."""

    number: int
    """From 1."""
    steps: int
    """World-steps so far."""
    collection: float
    """s that the rollout took, the environment and the policy."""
    learning: float
    """s that advantages and the update took."""
    training_return: float | None
    """Mean undiscounted return of the last 100 training episodes, or of as many as have ended; None before any has."""
    losses: dict[str, float]
    """rsl_rl's own: `value`, `surrogate`, `entropy`."""
    learning_rate: float


class Worlds(VecEnv):
    """Our environment of one member, (1, N) worlds, as rsl_rl's."""

    def __init__(self, env: Env, rewards: ProgramBank):
        """Begin an episode in every world."""
        if env.members != 1:
            raise ValueError(f"rsl_rl trains one policy, and the environment has {env.members} members")
        self.env, self.rewards = env, rewards
        self.num_envs, self.num_actions = env.worlds, env.task.action_size
        self.max_episode_length = env.task.horizon
        self.device = env.physics.device
        self.cfg: dict[str, Any] = {}
        env.reset()

    @property
    def episode_length_buf(self) -> Tensor:
        """(N,) int64 control steps of the episodes so far."""
        return self.env.length

    def get_observations(self) -> TensorDict:
        """What the policy sees now."""
        return TensorDict({"policy": self.env.observation[0]}, batch_size=[self.num_envs])

    def step(self, actions: Tensor) -> tuple[TensorDict, Tensor, Tensor, dict]:
        """One control step; actions (N, A) are clamped by the environment."""
        step = self.env.step(actions[None], self.rewards)
        done = (step.terminated | step.timed_out)[0]
        return self.get_observations(), step.reward[0], done, {"time_outs": step.timed_out[0]}


class _Log:
    """In the place of rsl_rl's logger, which would write TensorBoard files: keeps what it is told."""

    writer = None

    def __init__(self, worlds: int, device: torch.device):
        self.returns: deque[float] = deque(maxlen=RECENT)
        self.last: dict[str, Any] = {}
        self._running = torch.zeros(worlds, device=device)

    def init_logging_writer(self) -> None:
        """Nothing is written."""

    def process_env_step(self, rewards: Tensor, dones: Tensor, *_: object) -> None:
        self._running = self._running + rewards
        if bool(dones.any()):
            self.returns.extend(self._running[dones].tolist())
            self._running = self._running.masked_fill(dones, 0.0)

    def log(self, **told: Any) -> None:
        self.last = told


class Peer:
    """A training by rsl_rl."""

    def __init__(
        self,
        env: Env,
        rewards: ProgramBank,
        learning: Learning,
        seed: int,
        normalize: bool = True,
        together: bool = False,
    ):
        """Set it up.

        Args:
            env: one member; its worlds begin anew.
            rewards: a bank of one program.
            learning: our settings, all of which are followed.
            seed: of torch's generator, which rsl_rl draws all its numbers from.
            normalize: whether observations are, by running moments.
            together: whether gradients of actor and critic are limited in norm together, as ours are.
        """
        torch.manual_seed(seed)
        self._steps_per_iteration = env.worlds * learning.horizon
        self._rewards = rewards
        worlds = Worlds(env, rewards)
        with contextlib.redirect_stdout(io.StringIO()):  # it prints its networks
            self._runner = OnPolicyRunner(worlds, settings(learning, normalize), None, str(worlds.device))
        if together:
            _limit_together(self._runner.alg)
        self._log = _Log(env.worlds, worlds.device)
        self._runner.logger = self._log  # type: ignore[assignment]

    @property
    def algorithm(self) -> PPO:
        """rsl_rl's PPO, with its actor and critic."""
        return self._runner.alg

    def learn(self, iterations: int | None = None) -> Iterator[Iteration]:
        """Train for so many iterations, or for as long as the caller goes on."""
        done = 0
        while iterations is None or done < iterations:
            self._runner.learn(1)
            done += 1
            (statistics,) = self._rewards.drain()
            if statistics.fault:
                raise ValueError(statistics.fault)
            told, returns = self._log.last, self._log.returns
            yield Iteration(
                number=done,
                steps=done * self._steps_per_iteration,
                collection=told["collect_time"],
                learning=told["learn_time"],
                training_return=math.fsum(returns) / len(returns) if returns else None,
                losses=told["loss_dict"],
                learning_rate=told["learning_rate"],
            )

    def mean(self, observation: Tensor) -> Tensor:
        """(1, N, A) actions without exploration for raw observations (1, N, O)."""
        actor = self.algorithm.get_policy()
        with torch.inference_mode():
            return actor(TensorDict({"policy": observation[0]}, batch_size=[observation.shape[1]]))[None]


def _limit_together(algorithm: PPO) -> None:
    limit, algorithm.max_grad_norm = algorithm.max_grad_norm, math.inf
    parameters = [*algorithm.actor.parameters(), *algorithm.critic.parameters()]

    def clip(*_: object) -> None:
        torch.nn.utils.clip_grad_norm_(parameters, limit)

    algorithm.optimizer.register_step_pre_hook(clip)


def rates(iterations: Sequence[Iteration], steps: int) -> dict[str, float]:
    """World-steps a second of each part, for iterations of `steps` world-steps."""
    total = steps * len(iterations)
    collection = math.fsum(i.collection for i in iterations)
    learning = math.fsum(i.learning for i in iterations)
    return {
        "collection": total / collection,
        "learning": total / learning,
        "training": total / (collection + learning),
    }


def settings(learning: Learning, normalize: bool = True) -> dict[str, Any]:
    """rsl_rl's configuration for our settings."""
    network = {
        "class_name": "MLPModel",
        "hidden_dims": list(learning.hidden),
        "activation": "elu",
        "obs_normalization": normalize,
    }
    deviation = {"class_name": "GaussianDistribution", "init_std": learning.initial_std, "std_type": "log"}
    return {
        "num_steps_per_env": learning.horizon,
        "save_interval": sys.maxsize,
        "check_for_nan": False,
        "obs_groups": {"actor": ["policy"], "critic": ["policy"]},
        "actor": network | {"distribution_cfg": deviation},
        "critic": dict(network),
        "algorithm": {
            "class_name": "PPO",
            "num_learning_epochs": learning.epochs,
            "num_mini_batches": learning.minibatches,
            "clip_param": learning.clip,
            "gamma": learning.gamma,
            "lam": learning.lam,
            "value_loss_coef": learning.value_coefficient,
            "entropy_coef": learning.entropy,
            "learning_rate": learning.learning_rate,
            "max_grad_norm": learning.gradient_norm,
            "schedule": "adaptive",
            "desired_kl": learning.kl_target,
        },
    }
