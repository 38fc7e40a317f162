"""The fitness of a policy in Gymnasium's own environments, measured alike for every learner."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import gymnasium
import numpy as np

Act = Callable[[np.ndarray], np.ndarray]
"""From raw observations (n, O) to actions (n, A) in the environment's own range, without exploration."""
SELECTION, REPORT = 1_000_000, 2_000_000
"""First seeds of the episodes that choose a checkpoint, and of those that judge it."""


@dataclass(frozen=True)
class Judged:
    """A task of BIRD."""

    identifier: str
    of: Callable[[gymnasium.Env, float, int], float]
    """The fitness at an episode's end: from the environment, its x at reset, and the number of control steps."""
    published: tuple[float, ...]
    """BIRD's, for stable-baselines3's PPO on Gymnasium's reward, 1 M steps, three seeds."""
    ceiling: float = math.inf
    """No policy can have more."""


def _travelled(env: gymnasium.Env, x: float, steps: int) -> float:
    return float(env.unwrapped.data.qpos[0]) - x  # type: ignore[attr-defined]


def _survived(env: gymnasium.Env, x: float, steps: int) -> float:
    return steps / 1000


def _near(env: gymnasium.Env, x: float, steps: int) -> float:
    own = env.unwrapped
    apart = own.get_body_com("fingertip") - own.get_body_com("target")  # type: ignore[attr-defined]
    return -float(np.linalg.norm(apart))


TASKS = {
    "hopper_hop": Judged("Hopper-v5", _travelled, (12.3, 13.9, 7.4)),
    "half_cheetah": Judged("HalfCheetah-v5", _travelled, (91.5, 85.3, 74.3)),
    "reacher_reach": Judged("Reacher-v5", _near, (-0.158, -0.133, -0.040)),
    "swimmer_forward": Judged("Swimmer-v5", _travelled, (1.69, 1.69, 2.13)),
    "inverted_pendulum_balance": Judged("InvertedPendulum-v5", _survived, (1.0, 1.0, 1.0), ceiling=1.0),
}


def judge(task: str, act: Act, episodes: int, first: int) -> tuple[list[float], list[float]]:
    """Fitness and return (Gymnasium's reward) of each of `episodes` episodes, the i-th with the seed `first + i`."""
    chosen = TASKS[task]
    envs = [gymnasium.make(chosen.identifier) for _ in range(episodes)]
    space = envs[0].action_space
    assert isinstance(space, gymnasium.spaces.Box)
    observation = np.stack([env.reset(seed=first + i)[0] for i, env in enumerate(envs)])
    start = [float(env.unwrapped.data.qpos[0]) for env in envs]  # type: ignore[attr-defined]
    alive, fitness, returns, steps = list(range(episodes)), np.zeros(episodes), np.zeros(episodes), 0
    while alive:
        actions = np.clip(act(observation), space.low, space.high)
        steps += 1
        for i in tuple(alive):
            observation[i], reward, terminated, truncated, _ = envs[i].step(actions[i])
            returns[i] += float(reward)
            if terminated or truncated:
                fitness[i] = chosen.of(envs[i], start[i], steps)
                alive.remove(i)
    for env in envs:
        env.close()
    return fitness.tolist(), returns.tolist()
