"""Train PPO or SAC of stable-baselines3 on a reward that eureka gives, in any Gymnasium environment.

eureka starts it as the YAML files beside it say. A reward sees `observation` and `action`; the fitness is the mean
return of the environment's own reward over ten episodes without exploration.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import sys
from pathlib import Path

import gymnasium
import numpy as np
import torch
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import VecEnvWrapper

sys.path.insert(0, str(Path(__file__).parents[1]))
from eureka_progress import Progress, load_reward

EVALUATIONS, EPISODES = 10, 10
DESCRIBED = 256  # states


class Rewarded(VecEnvWrapper):
    """Replaces the reward of parallel environments."""

    def __init__(self, venv, reward, progress):
        super().__init__(venv)
        self.reward, self.progress = reward, progress
        self.asked = list(inspect.signature(reward).parameters)

    def reset(self):
        return self.venv.reset()

    def step_async(self, actions):
        self.actions = actions
        self.venv.step_async(actions)

    def step_wait(self):
        observation, _, dones, infos = self.venv.step_wait()
        seen = np.stack([i.get("terminal_observation", o) for o, i in zip(observation, infos, strict=True)])
        fields = {"observation": seen, "action": self.actions}
        fields = {name: torch.as_tensor(value).float() for name, value in fields.items() if name in self.asked}
        total, components = self.reward(**fields)
        self.progress.add(total, components)
        return observation, total.numpy(), dones, infos


class Report(BaseCallback):
    """Evaluates the policy ten times in a training, and ends it after exactly the steps that were asked for."""

    def __init__(self, environment, steps, progress):
        super().__init__()
        self.judged = make_vec_env(environment, seed=1)
        self.steps, self.progress, self.next, self.returns = steps, progress, steps // EVALUATIONS, []

    def _on_step(self) -> bool:
        self.returns += [info["episode"]["r"] for info in self.locals["infos"] if "episode" in info]
        done = self.num_timesteps >= self.steps
        if self.num_timesteps >= self.next or done:
            self.next += self.steps // EVALUATIONS
            fitness, _ = evaluate_policy(self.model, self.judged, EPISODES)
            noisy = float(np.mean(self.returns)) if self.returns else None
            self.progress.line(self.num_timesteps, fitness, training_fitness=noisy)
            self.returns = []
        return not done


def describe(environment: str, folder: str) -> None:
    """Write states of random play."""
    env = gymnasium.make(environment)
    observation, _ = env.reset(seed=0)
    env.action_space.seed(0)
    with open(Path(folder) / "states.jsonl", "w") as file:
        for _ in range(DESCRIBED):
            action = env.action_space.sample()
            observation, _, terminated, truncated, _ = env.step(action)
            file.write(json.dumps({"observation": observation.tolist(), "action": action.tolist()}) + "\n")
            if terminated or truncated:
                observation, _ = env.reset()


def main() -> None:
    """Describe the states, or train."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--environment", default="Pendulum-v1")
    parser.add_argument("--algorithm", choices=("ppo", "sac"), default="ppo")
    parser.add_argument("--describe", metavar="FOLDER")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.describe:
        describe(options.environment, options.describe)
        return
    progress, count = Progress(), 4
    worlds = Rewarded(make_vec_env(options.environment, count, seed=options.seed), load_reward(), progress)
    if options.algorithm == "ppo":
        model = PPO("MlpPolicy", worlds, n_steps=256, batch_size=64, learning_rate=1e-3, seed=options.seed)
    else:
        model = SAC("MlpPolicy", worlds, learning_starts=500, gradient_steps=count, seed=options.seed)
    model.learn(options.steps, callback=Report(options.environment, options.steps, progress))
    model.save(Path(os.environ["EUREKA_OUT"]) / "policy.zip")


if __name__ == "__main__":
    main()
