"""stable-baselines3's PPO on Gymnasium's environments, with its own settings: what our trainings are compared with.

Two things make its trainings faster here, and not different: the policy's forward pass in a rollout is computed by
NumPy (`_Quick`), and Adam's step by torch's fused kernel. A test compares a rollout and an update with its own code.
Speeds are compared elsewhere (`train.py`), with its own code throughout.

`default` is its PPO as it is, with `VecNormalize`. `zoo` are the settings of its RL Zoo for these environments
(`hyperparams/ppo.yml` of DLR-RM/rl-baselines3-zoo at 00128b5, where they are named `-v3` and `-v2`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

_LARGE = {
    "log_std_init": -2,
    "ortho_init": False,
    "activation_fn": torch.nn.ReLU,
    "net_arch": {"pi": [256, 256], "vf": [256, 256]},
}
ZOO: dict[str, dict[str, Any]] = {
    "HalfCheetah-v5": {
        "batch_size": 64,
        "n_steps": 512,
        "gamma": 0.98,
        "learning_rate": 2.0633e-05,
        "ent_coef": 0.000401762,
        "clip_range": 0.1,
        "n_epochs": 20,
        "gae_lambda": 0.92,
        "max_grad_norm": 0.8,
        "vf_coef": 0.58096,
        "policy_kwargs": _LARGE,
    },
    "Hopper-v5": {
        "batch_size": 32,
        "n_steps": 512,
        "gamma": 0.999,
        "learning_rate": 9.80828e-05,
        "ent_coef": 0.00229519,
        "clip_range": 0.2,
        "n_epochs": 5,
        "gae_lambda": 0.99,
        "max_grad_norm": 0.7,
        "vf_coef": 0.835671,
        "policy_kwargs": _LARGE,
    },
    "Swimmer-v5": {"gamma": 0.9999},
    "InvertedPendulum-v5": {
        "batch_size": 64,
        "n_steps": 32,
        "gamma": 0.999,
        "learning_rate": 0.000222425,
        "ent_coef": 1.37976e-07,
        "clip_range": 0.4,
        "n_epochs": 5,
        "gae_lambda": 0.9,
        "max_grad_norm": 0.3,
        "vf_coef": 0.19816,
    },
    "Reacher-v5": {
        "batch_size": 32,
        "n_steps": 512,
        "gamma": 0.9,
        "learning_rate": 0.000104019,
        "ent_coef": 7.52585e-08,
        "clip_range": 0.3,
        "n_epochs": 5,
        "gae_lambda": 1.0,
        "max_grad_norm": 0.9,
        "vf_coef": 0.950368,
    },
}

Act = Callable[[np.ndarray], np.ndarray]
"""From raw observations (n, O) to actions (n, A) in the environment's own range, without exploration."""


class _Quick(ActorCriticPolicy):
    """Its policy, with the forward pass of a rollout in NumPy on the same weights and random numbers."""

    def forward(
        self, obs: torch.Tensor, deterministic: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        observation = obs.numpy()
        mean = _through(self.mlp_extractor.policy_net, self.action_net, observation)
        value = _through(self.mlp_extractor.value_net, self.value_net, observation)
        log_std = self.log_std.detach().numpy()
        noise = torch.normal(torch.zeros(mean.shape), torch.ones(mean.shape)).numpy()
        log_prob = (-0.5 * noise**2 - log_std - _HALF_LOG_TAU).sum(axis=1)
        action = mean + np.exp(log_std) * noise
        return torch.from_numpy(action), torch.from_numpy(value), torch.from_numpy(log_prob)


_HALF_LOG_TAU = np.float32(0.5 * np.log(2 * np.pi))


def _through(hidden: torch.nn.Sequential, last: torch.nn.Module, x: np.ndarray) -> np.ndarray:
    for layer in (*hidden, last):
        if isinstance(layer, torch.nn.Linear):
            x = x @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
        else:
            x = np.tanh(x) if isinstance(layer, torch.nn.Tanh) else np.maximum(x, 0.0)
    return x


def train(
    identifier: str,
    settings: str,
    seed: int,
    steps: int,
    checkpoints: int,
    keep: Callable[[int, Act], None],
    quick: bool = True,
) -> dict[str, float]:
    """Train one policy; after each of `checkpoints` equal parts, `keep` is called with its number and the policy.

    Returns:
        `steps` done and `seconds` of learning, without what `keep` took.
    """
    torch.set_num_threads(1)
    chosen = dict(ZOO[identifier] if settings == "zoo" else {})
    env = VecNormalize(
        DummyVecEnv([lambda: gymnasium.make(identifier, disable_env_checker=True)]), gamma=chosen.get("gamma", 0.99)
    )
    network = chosen.pop("policy_kwargs", {}) | {"optimizer_kwargs": {"eps": 1e-5, "fused": True}}
    ppo = PPO(_Quick if quick else "MlpPolicy", env, policy_kwargs=network, seed=seed, device="cpu", **chosen)
    done, seconds = 0, 0.0
    for number in range(1, checkpoints + 1):
        start = time.perf_counter()
        # A whole number of rollouts, so that no part trains on more than its share.
        goal = round(steps * number / checkpoints / ppo.n_steps) * ppo.n_steps
        ppo.learn(goal - done, log_interval=1 << 30, reset_num_timesteps=number == 1)
        done = ppo.num_timesteps
        seconds += time.perf_counter() - start
        keep(number, _policy(ppo, env))
    env.close()
    return {"steps": done, "seconds": seconds}


def _policy(ppo: PPO, env: VecNormalize) -> Act:
    def act(observation: np.ndarray) -> np.ndarray:
        return ppo.predict(env.normalize_obs(observation), deterministic=True)[0]

    return act
