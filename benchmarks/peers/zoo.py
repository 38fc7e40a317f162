"""stable-baselines3's PPO on Gymnasium's environments, with its own settings: what our trainings are compared with.

Two things make its trainings faster here, and not different: the policy's forward pass in a rollout (`_Quick`) and
the update (`_QuickPPO`) are computed by NumPy, with the same formulas and random numbers. A test compares both with its
own code. Speeds are compared elsewhere (`train.py`), with its own code throughout.

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


class _QuickPPO(PPO):
    """Its PPO on one environment, with the update in NumPy."""

    def train(self) -> None:
        if not hasattr(self, "_update"):
            self._update = _Update(self.policy)
        update, buffer = self._update, self.rollout_buffer
        clip = np.float32(self.clip_range(self._current_progress_remaining))  # type: ignore[operator]
        observations, actions = buffer.observations[:, 0], buffer.actions[:, 0]
        log_probs, advantages, returns = buffer.log_probs[:, 0], buffer.advantages[:, 0], buffer.returns[:, 0]
        for _ in range(self.n_epochs):
            order = np.random.permutation(len(actions))  # as its buffer draws it
            for start in range(0, len(order), self.batch_size):
                i = order[start : start + self.batch_size]
                chosen = advantages[i]
                chosen = (chosen - chosen.mean()) / (chosen.std(ddof=1) + np.float32(1e-8))
                update.gradient(observations[i], actions[i], log_probs[i], chosen, returns[i], clip, self)
                update.step(np.float32(self.lr_schedule(self._current_progress_remaining)), self.max_grad_norm)
        self._n_updates += self.n_epochs


class _Update:
    """One minibatch's gradient and Adam's step, on the memory of a policy of stable-baselines3."""

    def __init__(self, policy: ActorCriticPolicy):
        """Move the policy's parameters into one array, which both then share."""
        own = list(policy.parameters())
        self._flat = np.concatenate([p.detach().numpy().ravel() for p in own])
        self._gradient = np.zeros_like(self._flat)
        self._first, self._second, self._steps = np.zeros_like(self._flat), np.zeros_like(self._flat), 0
        places, begin = {}, 0
        for p in own:
            part = slice(begin, begin := begin + p.numel())
            p.data = torch.from_numpy(self._flat[part].reshape(p.shape))
            places[p] = (p.data.numpy(), self._gradient[part].reshape(p.shape))
        self._log_std = places[policy.log_std]
        extractor = policy.mlp_extractor
        self._actor = self._layers(places, [*extractor.policy_net, policy.action_net])
        self._critic = self._layers(places, [*extractor.value_net, policy.value_net])
        self._tanh = isinstance(extractor.policy_net[1], torch.nn.Tanh)

    @staticmethod
    def _layers(places: dict, layers: list[torch.nn.Module]) -> list[tuple]:
        linear = [layer for layer in layers if isinstance(layer, torch.nn.Linear)]
        return [(*places[layer.weight], *places[layer.bias]) for layer in linear]

    def _forward(self, layers: list[tuple], x: np.ndarray) -> list[np.ndarray]:
        """The input of each layer, then the output."""
        found = [x]
        for number, (weight, _, bias, _) in enumerate(layers, 1):
            x = x @ weight.T + bias
            if number < len(layers):
                x = np.tanh(x) if self._tanh else np.maximum(x, 0.0)
            found.append(x)
        return found

    def _backward(self, layers: list[tuple], inputs: list[np.ndarray], gradient: np.ndarray) -> None:
        for number, (weight, in_weight, _, in_bias) in reversed([*enumerate(layers)]):
            x = inputs[number]
            np.matmul(gradient.T, x, out=in_weight)
            gradient.sum(axis=0, out=in_bias)
            if number:
                gradient = gradient @ weight
                gradient *= (1.0 - x * x) if self._tanh else (x > 0.0)

    def gradient(
        self,
        observation: np.ndarray,
        action: np.ndarray,
        log_prob: np.ndarray,
        advantage: np.ndarray,
        target: np.ndarray,
        clip: np.float32,
        settings: PPO,
    ) -> None:
        """The gradient of PPO's loss: surrogate, entropy and value loss, without clipping of values."""
        (log_std, in_log_std), count = self._log_std, np.float32(len(action))
        inputs, std = self._forward(self._actor, observation), np.exp(log_std)
        error = (action - inputs[-1]) / std
        ratio = np.exp((-0.5 * error * error - log_std - _HALF_LOG_TAU).sum(axis=1) - log_prob)
        gain, clipped = ratio * advantage, np.clip(ratio, 1 - clip, 1 + clip) * advantage
        weight = (np.where(gain <= clipped, gain, 0.0) / -count)[:, None]
        in_log_std[:] = (weight * (error * error - 1.0)).sum(axis=0) - settings.ent_coef
        self._backward(self._actor, inputs, weight * error / std)
        inputs = self._forward(self._critic, observation)
        self._backward(self._critic, inputs, (inputs[-1] - target[:, None]) * np.float32(2 * settings.vf_coef / count))

    def step(self, rate: np.float32, max_norm: float) -> None:
        """Adam's, after clipping the norm of the gradient."""
        gradient, (b1, b2) = self._gradient, (0.9, 0.999)
        norm = float(np.sqrt(gradient @ gradient))
        gradient *= min(1.0, max_norm / (norm + 1e-6))
        self._steps += 1
        self._first *= b1
        self._first += (1 - b1) * gradient
        self._second *= b2
        self._second += (1 - b2) * gradient * gradient
        scale = np.sqrt(self._second)
        scale *= 1 / np.sqrt(1 - b2**self._steps)
        scale += 1e-5
        self._flat -= (rate / (1 - b1**self._steps)) * self._first / scale


def train(
    identifier: str,
    settings: str,
    seed: int,
    steps: int,
    checkpoints: int,
    keep: Callable[[int, Act], bool],
    quick: bool = True,
) -> dict[str, float]:
    """Train one policy; after each of `checkpoints` equal parts, `keep` is called with its number and the policy.

    The training ends early if `keep` returns True.

    Returns:
        `steps` done and `seconds` of learning, without what `keep` took.
    """
    torch.set_num_threads(1)
    chosen = dict(ZOO[identifier] if settings == "zoo" else {})
    env = VecNormalize(
        DummyVecEnv([lambda: gymnasium.make(identifier, disable_env_checker=True)]), gamma=chosen.get("gamma", 0.99)
    )
    network = chosen.pop("policy_kwargs", {})
    kind, policy = (_QuickPPO, _Quick) if quick else (PPO, "MlpPolicy")
    ppo = kind(policy, env, policy_kwargs=network, seed=seed, device="cpu", **chosen)
    done, seconds = 0, 0.0
    for number in range(1, checkpoints + 1):
        start = time.perf_counter()
        # A whole number of rollouts, so that no part trains on more than its share.
        goal = round(steps * number / checkpoints / ppo.n_steps) * ppo.n_steps
        ppo.learn(goal - done, log_interval=1 << 30, reset_num_timesteps=number == 1)
        done = ppo.num_timesteps
        seconds += time.perf_counter() - start
        if keep(number, _policy(ppo, env)):
            break
    env.close()
    return {"steps": done, "seconds": seconds}


def _policy(ppo: PPO, env: VecNormalize) -> Act:
    def act(observation: np.ndarray) -> np.ndarray:
        return ppo.predict(env.normalize_obs(observation), deterministic=True)[0]

    return act
