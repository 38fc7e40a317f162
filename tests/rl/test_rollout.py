"""Collecting and judging, held against what the environment really gave."""

from __future__ import annotations

import pytest
import torch
from support.bench import Bench

from eureka.envs.base import Step
from eureka.envs.env import Env
from eureka.physics.threads import ThreadPhysics
from eureka.rl.evaluation import evaluate
from eureka.rl.normalization import RunningMoments
from eureka.rl.policy import Policy, Shape
from eureka.rl.rollout import Clocks, Collector, Rollout


class Ones:
    """Rewards of 1."""

    def compute(self, fields: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.ones(2, 4)

    def record(self, copy: bool) -> None:
        """Nobody looks."""


@pytest.fixture
def played(cartpole: Bench, monkeypatch) -> tuple[Rollout, list[Step], Policy, RunningMoments, Env]:
    """Two members, four worlds, 20 control steps with episodes of seven, and every step the environment took."""
    monkeypatch.setattr(cartpole.task, "horizon", 7, raising=False)
    env = cartpole.env(2, 4)
    env.reset()
    policy = Policy.create(Shape(4, 1, (8,)), torch.tensor([1, 2]), 0.5)
    moments = RunningMoments(2, (4,), torch.device("cpu"))
    moments.update(torch.randn(2, 50, 4) * 3 + 1, torch.ones(2, dtype=torch.bool))
    steps: list[Step] = []
    step = env.step
    monkeypatch.setattr(env, "step", lambda *a: (steps.append(step(*a)), steps[-1])[1])
    rollout = Collector(env, policy, moments, Ones(), torch.tensor([3, 3]), 20, Clocks()).collect()
    return rollout, steps, policy, moments, env


def test_a_time_out_is_worth_the_value_of_the_state_that_it_cut_off(played):
    rollout, steps, policy, moments, _ = played
    assert rollout.timed_out.sum() >= 8
    for t, step in enumerate(steps):
        value = policy.value(moments.normalize(step.terminal_observation, 10.0))
        expected = torch.where(step.timed_out, value, 0.0)
        assert torch.allclose(rollout.terminal_value[:, t], expected, atol=1e-6)


def test_observations_are_those_before_the_action_raw_and_as_the_policy_sees_them(played):
    rollout, steps, policy, moments, env = played
    for t, step in enumerate(steps[:-1]):
        assert torch.equal(rollout.raw_observation[:, t + 1], step.observation)
    seen = moments.normalize(rollout.raw_observation.flatten(1, 2), 10.0).reshape(rollout.observation.shape)
    assert torch.allclose(rollout.observation, seen)
    last = policy.value(moments.normalize(env.observation, 10.0))
    assert torch.allclose(rollout.last_value, last)


def test_log_probabilities_are_the_normal_distributions(played):
    rollout, _, policy, _, _ = played
    normal = torch.distributions.Normal(rollout.output, policy.std()[:, None])
    assert torch.allclose(normal.log_prob(rollout.action).sum(-1), rollout.log_prob, atol=1e-5)


def test_action_noise_is_new_at_every_step_and_in_every_world(played):
    rollout, _, policy, _, _ = played
    noise = ((rollout.action - rollout.output) / policy.std()[:, None])[0]
    assert len(noise.flatten().unique()) == noise.numel()


def test_an_evaluation_counts_the_first_episode_of_each_world_and_no_other(cartpole: Bench, monkeypatch):
    """Fitness is the number of the episode here, so that a later one would show."""
    monkeypatch.setattr(cartpole.task, "horizon", 6, raising=False)
    physics = ThreadPhysics(cartpole.model, 8, 1)
    ended = []
    step = Env.step

    def spied(self, *arguments):
        before = self.episode.clone()
        result = step(self, *arguments)
        over = (result.terminated | result.timed_out).flatten()
        ended.append(int(over.sum()))
        number = (before + 1).float().reshape(result.fitness.shape)
        from dataclasses import replace

        return replace(result, fitness=number)

    # three worlds are thrown over at once, and begin anew long before the others' episodes are over
    monkeypatch.setattr(Env, "step", spied)
    terminated = type(cartpole.task).terminated
    calls = {"n": 0}

    def falls(self, state, memory):
        calls["n"] += 1  # the first is that of the reset, which checks the shape
        early = torch.arange(8) < 3
        return terminated(self, state, memory) | (early & (calls["n"] % 2 == 1))

    monkeypatch.setattr(type(cartpole.task), "terminated", falls)
    policy = Policy.create(Shape(4, 1, (8,)), torch.tensor([1]), 0.5)
    moments = RunningMoments(1, (4,), torch.device("cpu"))
    found = evaluate(cartpole.task, physics, policy, moments, torch.tensor([5]), "test")
    assert sum(ended) > 8, "worlds went on into second episodes"
    assert found.fitness.tolist() == [[1.0] * 8]
    assert found.length.tolist() == [[2, 2, 2, 6, 6, 6, 6, 6]]
