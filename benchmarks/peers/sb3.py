"""stable-baselines3's PPO on a MuJoCo environment of Gymnasium's, in its own vectorised environments."""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecNormalize


class Sb3:
    """PPO with the sizes of our learner, and its own defaults for all else."""

    def __init__(
        self,
        environment: str,
        options: dict[str, Any],
        envs: int,
        subprocess: bool,
        torch_threads: int,
        samples: int,
        learning: dict[str, Any],
        learning_rate: float,
        seed: int,
    ):
        """Make `envs` environments, in processes of their own or in this one; `samples` env-steps an iteration."""
        torch.set_num_threads(torch_threads)
        kind = SubprocVecEnv if subprocess else DummyVecEnv
        made = make_vec_env(environment, envs, seed=seed, env_kwargs=options, vec_env_cls=kind)
        # Observations as ours normalises them; rewards are its counterpart of our normalised values.
        self._env = VecNormalize(made, gamma=learning["gamma"])
        self._clock = _Clock()
        self.steps = samples
        self._ppo = PPO(
            "MlpPolicy",
            self._env,
            learning_rate=learning_rate,
            n_steps=samples // envs,
            batch_size=samples // learning["minibatches"],
            n_epochs=learning["epochs"],
            gamma=learning["gamma"],
            gae_lambda=learning["lam"],
            clip_range=learning["clip"],
            policy_kwargs={
                "net_arch": list(learning["hidden"]),
                "activation_fn": torch.nn.ELU,
                "log_std_init": math.log(learning["initial_std"]),
            },
            seed=seed,
            device="cpu",
        )
        self._begun = False

    def iterate(self) -> dict[str, float]:
        start = time.perf_counter()
        self._ppo.learn(self.steps, callback=self._clock, log_interval=1 << 30, reset_num_timesteps=not self._begun)
        self._begun = True
        total = time.perf_counter() - start
        return {"collect": self._clock.collecting, "learning": total - self._clock.collecting, "total": total}

    def mean_return(self) -> float | None:
        episodes = self._ppo.ep_info_buffer
        if not episodes or len(episodes) < 100:
            return None
        return sum(e["r"] for e in episodes) / len(episodes)

    def close(self) -> None:
        self._env.close()


class _Clock(BaseCallback):
    """Seconds of the latest collection."""

    def __init__(self) -> None:
        super().__init__()
        self.collecting = self._since = 0.0

    def _on_rollout_start(self) -> None:
        self._since = time.perf_counter()

    def _on_rollout_end(self) -> None:
        self.collecting = time.perf_counter() - self._since

    def _on_step(self) -> bool:
        return True
