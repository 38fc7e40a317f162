"""Train PPO of rsl_rl on a reward that eureka gives. Needs rsl-rl-lib (5.5) and gymnasium.

The environments are Gymnasium's, stepped one after another, so that the example runs anywhere; put the vectorised
environment of your simulator in place of `Environments`.
"""

from __future__ import annotations

import inspect
import os
import sys
from pathlib import Path

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from rsl_rl.env import VecEnv
from rsl_rl.runners import OnPolicyRunner
from tensordict import TensorDict

sys.path.insert(0, str(Path(__file__).parents[1]))
from eureka_progress import Progress, load_reward

ENVIRONMENT, WORLDS, ROLLOUT = "Hopper-v5", 16, 64
EVALUATIONS, EPISODES = 10, 5
NETWORK = {"class_name": "MLPModel", "hidden_dims": [64, 64], "activation": "elu", "obs_normalization": True}
CONFIGURATION = {
    "num_steps_per_env": ROLLOUT,
    "save_interval": 10**9,
    "obs_groups": {"actor": ["state"], "critic": ["state"]},
    "actor": NETWORK | {"distribution_cfg": {"class_name": "GaussianDistribution", "init_std": 0.5}},
    "critic": NETWORK,
    "algorithm": {"class_name": "PPO", "num_learning_epochs": 5, "num_mini_batches": 4, "entropy_coef": 0.0},
}


class Environments(VecEnv):
    """Parallel environments with another reward."""

    def __init__(self, seed, reward, progress):
        same = {"autoreset_mode": AutoresetMode.SAME_STEP}
        self.envs = gymnasium.make_vec(ENVIRONMENT, WORLDS, vectorization_mode="sync", vector_kwargs=same)
        self.num_envs, self.num_actions = WORLDS, self.envs.single_action_space.shape[0]
        self.max_episode_length, self.device, self.cfg = 1000, "cpu", {}
        self.episode_length_buf = torch.zeros(WORLDS, dtype=torch.long)
        self.reward, self.progress, self.asked = reward, progress, list(inspect.signature(reward).parameters)
        self.observation, _ = self.envs.reset(seed=seed)

    def get_observations(self):
        """The latest observations, as rsl_rl wants them."""
        return TensorDict({"state": torch.as_tensor(self.observation).float()}, batch_size=[WORLDS])

    def step(self, actions):
        """One control step of all environments."""
        applied = actions.clamp(-1, 1)
        self.observation, _, terminated, truncated, info = self.envs.step(applied.numpy())
        kept = info.get("final_obs", self.observation)  # before the reset of episodes that ended
        last = np.stack([o if f is None else f for f, o in zip(kept, self.observation, strict=True)])
        fields = {"observation": torch.as_tensor(last).float(), "action": applied}
        total, components = self.reward(**{name: fields[name] for name in self.asked})
        self.progress.add(total, components)
        done = torch.as_tensor(terminated | truncated)
        self.episode_length_buf = (self.episode_length_buf + 1) * ~done
        return self.get_observations(), total, done.long(), {"time_outs": torch.as_tensor(truncated)}


@torch.no_grad()
def evaluate(policy) -> float:
    """Mean return of the environment's own reward, without exploration."""
    env, total = gymnasium.make(ENVIRONMENT), 0.0
    for episode in range(EPISODES):
        observation, _ = env.reset(seed=episode)
        ended = False
        while not ended:
            seen = TensorDict({"state": torch.as_tensor(observation).float()[None]}, batch_size=[1])
            observation, reward, terminated, truncated, _ = env.step(policy(seen)[0].clamp(-1, 1).numpy())
            total, ended = total + float(reward), terminated or truncated
    return total / EPISODES


def main() -> None:
    """Train for EUREKA_STEPS steps."""
    steps, seed = int(os.environ["EUREKA_STEPS"]), int(os.environ["EUREKA_SEED"])
    torch.manual_seed(seed)
    progress = Progress()
    runner = OnPolicyRunner(Environments(seed, load_reward(), progress), CONFIGURATION, device="cpu")
    iterations = max(1, steps // (WORLDS * ROLLOUT))
    every = max(1, iterations // EVALUATIONS)
    for done in range(0, iterations, every):
        count = min(every, iterations - done)
        runner.learn(count)
        progress.line((done + count) * WORLDS * ROLLOUT, evaluate(runner.get_inference_policy()))
        runner.current_learning_iteration += 1
    runner.save(str(Path(os.environ["EUREKA_OUT"]) / "policy.pt"))


if __name__ == "__main__":
    main()
