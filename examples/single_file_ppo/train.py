"""PPO in one file (after CleanRL's layout), trained on a reward that eureka gives. Needs torch and gymnasium."""

from __future__ import annotations

import inspect
import os
import sys
from pathlib import Path

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from torch import nn
from torch.distributions import Normal

sys.path.insert(0, str(Path(__file__).parents[1]))
from eureka_progress import Progress, load_reward

ENVIRONMENT, WORLDS, ROLLOUT, EPOCHS, BATCH = "Hopper-v5", 8, 128, 10, 256
RATE, DISCOUNT, LAMBDA, CLIP, VALUE = 3e-4, 0.99, 0.95, 0.2, 0.5
EVALUATIONS, EPISODES = 10, 5


class Agent(nn.Module):
    """Actor and critic, with a running normalisation of observations."""

    def __init__(self, seen: int, acts: int):
        super().__init__()
        self.actor, self.critic = (self.network(seen, size) for size in (acts, 1))
        self.log_std = nn.Parameter(torch.zeros(acts))
        self.register_buffer("mean", torch.zeros(seen))
        self.register_buffer("variance", torch.ones(seen))
        self.count = 1e-4

    @staticmethod
    def network(seen: int, size: int) -> nn.Module:
        return nn.Sequential(nn.Linear(seen, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, size))

    def normalise(self, observation: torch.Tensor, learn: bool = False) -> torch.Tensor:
        if learn:
            count, total = len(observation), self.count + len(observation)
            apart = observation.mean(0) - self.mean
            spread = observation.var(0, unbiased=False) * count + self.variance * self.count
            self.variance = (spread + apart**2 * count * self.count / total) / total
            self.mean, self.count = self.mean + apart * count / total, total
        return ((observation - self.mean) / (self.variance + 1e-8).sqrt()).clamp(-10, 10)

    def policy(self, seen: torch.Tensor) -> Normal:
        return Normal(self.actor(seen), self.log_std.exp())


@torch.no_grad()
def evaluate(agent: Agent) -> float:
    """Mean return of the environment's own reward, without exploration."""
    env, total = gymnasium.make(ENVIRONMENT), 0.0
    for episode in range(EPISODES):
        observation, _ = env.reset(seed=episode)
        ended = False
        while not ended:
            seen = agent.normalise(torch.as_tensor(observation).float()[None])
            observation, reward, terminated, truncated, _ = env.step(agent.actor(seen)[0].clamp(-1, 1).numpy())
            total, ended = total + float(reward), terminated or truncated
    return total / EPISODES


def update(agent, optimizer, seen, actions, log_probs, advantages, returns) -> None:
    """Epochs of PPO's clipped objective over a rollout."""
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(seen)).split(BATCH):
            policy = agent.policy(seen[rows])
            ratio = (policy.log_prob(actions[rows]).sum(-1) - log_probs[rows]).exp()
            gain = advantages[rows]
            gain = (gain - gain.mean()) / (gain.std() + 1e-8)
            actor = -torch.min(ratio * gain, ratio.clamp(1 - CLIP, 1 + CLIP) * gain).mean()
            critic = (agent.critic(seen[rows])[:, 0] - returns[rows]).square().mean()
            optimizer.zero_grad()
            (actor + VALUE * critic).backward()
            nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
            optimizer.step()


def main() -> None:
    """Train for EUREKA_STEPS steps."""
    steps, seed, reward = int(os.environ["EUREKA_STEPS"]), int(os.environ["EUREKA_SEED"]), load_reward()
    torch.manual_seed(seed)
    asked, progress = list(inspect.signature(reward).parameters), Progress()
    same = {"autoreset_mode": AutoresetMode.SAME_STEP}
    envs = gymnasium.make_vec(ENVIRONMENT, WORLDS, vectorization_mode="sync", vector_kwargs=same)
    agent = Agent(envs.single_observation_space.shape[0], envs.single_action_space.shape[0])
    optimizer = torch.optim.Adam(agent.parameters(), RATE, eps=1e-5)
    observation, _ = envs.reset(seed=seed)
    done, judged = 0, 0
    while done < steps:
        length = min(ROLLOUT, -(-(steps - done) // WORLDS))
        rows = []
        with torch.no_grad():
            for _ in range(length):
                seen = agent.normalise(torch.as_tensor(observation).float(), learn=True)
                policy = agent.policy(seen)
                action = policy.sample()
                applied = action.clamp(-1, 1)
                observation, _, terminated, truncated, info = envs.step(applied.numpy())
                kept = info.get("final_obs", observation)  # before the reset of episodes that ended
                last = np.stack([o if f is None else f for f, o in zip(kept, observation, strict=True)])
                fields = {"observation": torch.as_tensor(last).float(), "action": applied}
                total, components = reward(**{name: fields[name] for name in asked})
                progress.add(total, components)
                after = agent.critic(agent.normalise(fields["observation"]))[:, 0] * ~torch.as_tensor(terminated)
                value = agent.critic(seen)[:, 0]
                ended = torch.as_tensor(terminated | truncated)
                rows.append((seen, action, policy.log_prob(action).sum(-1), total, value, after, ended))
        seen, actions, log_probs, rewards, values, after, ended = map(torch.stack, zip(*rows, strict=True))
        advantages, carried = torch.zeros_like(values), torch.zeros(WORLDS)
        for t in reversed(range(length)):
            carried = rewards[t] + DISCOUNT * after[t] - values[t] + DISCOUNT * LAMBDA * carried * ~ended[t]
            advantages[t] = carried
        flat = [x.flatten(0, 1) for x in (seen, actions, log_probs, advantages, advantages + values)]
        update(agent, optimizer, *flat)
        done += length * WORLDS
        if done >= steps or done // (steps // EVALUATIONS) > judged:
            judged = done // (steps // EVALUATIONS)
            progress.line(done, evaluate(agent))
    torch.save(agent.state_dict(), Path(os.environ["EUREKA_OUT"]) / "policy.pt")


if __name__ == "__main__":
    main()
