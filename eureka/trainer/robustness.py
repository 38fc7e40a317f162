"""Tests of trained policies: fitness under perturbed physics, and correlation of two rewards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import mujoco
import torch
from torch import Tensor

from eureka.envs.env import Env
from eureka.noise import Noise, world_keys
from eureka.physics.backend import Backend
from eureka.physics.base import Physics
from eureka.rewards.program import Program
from eureka.rl.evaluation import evaluate
from eureka.rl.normalization import RunningMoments
from eureka.rl.policy import Policy
from eureka.rl.rollout import normalize
from eureka.task import Task


@dataclass(frozen=True)
class Perturbation:
    """A change of the simulation. Shares are relative to the value in training and drawn for each world."""

    name: str
    mass: float = 0.0  # masses and inertias of a world are multiplied by a factor from 1 - mass to 1 + mass
    friction: float = 0.0  # the same for sliding friction
    delay: int = 0  # control steps until an action is applied; zeros are applied before the first one
    noise: float = 0.0  # standard deviation of normal noise on observations, relative to theirs in training

    @property
    def fields(self) -> dict[str, tuple[float, slice]]:
        """The model fields that change, with their share and the affected columns."""
        heavier = dict.fromkeys(("body_mass", "body_inertia"), (self.mass, slice(None)))
        rougher = {"geom_friction": (self.friction, slice(0, 1))}
        return (heavier if self.mass else {}) | (rougher if self.friction else {})


PERTURBATIONS = (
    Perturbation("mass +-30%", mass=0.3),
    Perturbation("friction +-50%", friction=0.5),
    Perturbation("late action", delay=1),
    Perturbation("noisy view", noise=0.1),
)


def robustness(
    task: Task,
    model: mujoco.MjModel,
    policy: Policy,
    moments: RunningMoments,
    episodes: int,
    seed: int,
    backend: Backend,
) -> dict[str, list[float]]:
    """Mean fitness of each policy under each perturbation, on the same episodes."""
    members = policy.flat.shape[0]
    seeds = torch.full((members,), seed, dtype=torch.int64, device=backend.torch_device)
    found = {}
    for perturbation in PERTURBATIONS:
        physics = backend.open(model, members * episodes, tuple(perturbation.fields))
        keys = world_keys(seeds, episodes)
        _perturb(physics, perturbation, Noise(keys, torch.zeros_like(keys[0])))
        result = evaluate(task, physics, _PerturbedPolicy(policy, perturbation, keys), moments, seeds, "robustness")
        found[perturbation.name] = result.fitness.double().mean(dim=1).tolist()
    return found


class _PerturbedPolicy:
    """A policy with delayed actions and noisy observations."""

    def __init__(self, policy: Policy, perturbation: Perturbation, keys: Tensor):
        self._policy, self._noise, self._keys = policy, perturbation.noise, keys
        self._clock = torch.zeros_like(keys[0])
        self._waiting: list[Tensor] = []
        self._delay = perturbation.delay

    def mean(self, observation: Tensor) -> Tensor:
        if self._noise:
            drawn = Noise(self._keys, self._clock).normal("view", observation.shape[-1])
            observation = observation + self._noise * drawn.reshape(observation.shape)
        self._clock = self._clock + 1
        action = self._policy.mean(observation)
        if not self._waiting:
            self._waiting = [torch.zeros_like(action)] * self._delay
        self._waiting.append(action)
        return self._waiting.pop(0)


def _perturb(physics: Physics, perturbation: Perturbation, noise: Noise) -> None:
    for name, (share, columns) in perturbation.fields.items():
        # Masses and inertias of a world share one factor.
        purpose = "friction" if name == "geom_friction" else "mass"
        factor = noise.uniform(purpose, low=1 - share, high=1 + share).double()
        field = physics.field(name)
        field[..., columns] *= factor.reshape(-1, *[1] * (field.dim() - 1))


@torch.no_grad()
def correlation(
    task: Task,
    model: mujoco.MjModel,
    policy: Policy,
    moments: RunningMoments,
    programs: Sequence[Program],
    other: Program,
    episodes: int,
    seed: int,
    backend: Backend,
) -> list[float | None]:
    """Pearson's correlation of each policy's reward with `other` over the states it visits; None if one is constant."""
    members = policy.flat.shape[0]
    seeds = torch.full((members,), seed, dtype=torch.int64, device=backend.torch_device)
    env = Env(task, backend.open(model, members * episodes), seeds, "correlation")
    observation, seen = env.reset(), []

    def both(states: Mapping[str, Tensor]) -> Tensor:
        parts = {name: value.reshape(members, episodes, *value.shape[1:]) for name, value in states.items()}
        for p, program in enumerate(programs):
            pair = [of(*[parts[name][p] for name in of.inputs])[0].double() for of in (program, other)]
            seen.append((p, torch.stack(pair)))
        return torch.zeros(members, episodes, device=backend.torch_device)

    for _ in range(task.horizon):
        observation = env.step(policy.mean(normalize(moments, observation)), both).observation
    found: list[float | None] = []
    for p in range(members):
        pairs = torch.cat([pair for member, pair in seen if member == p], dim=1)
        r = float(torch.corrcoef(pairs)[0, 1]) if bool((pairs.std(dim=1) > 0).all()) else float("nan")
        found.append(r if r == r else None)
    return found
