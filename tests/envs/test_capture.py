"""Control steps under the discipline of a captured graph: tensors stay where they are, numbers are the same."""

from collections.abc import Callable

import pytest
import torch
from support.bench import Bench

from eureka.config.settings import Learning
from eureka.envs.capture import Capture
from eureka.envs.env import Env
from eureka.physics import graphs
from eureka.rewards.program import ProgramBank
from eureka.rl.evaluation import PolicyPlayer
from eureka.rl.normalization import RunningMoments
from eureka.rl.policy import Policy, Shape
from eureka.rl.ppo import Learner
from eureka.rl.rollout import Clocks, Collector


def collector(bench: Bench, static: bool) -> Collector:
    env = bench.env(2, 4, static=static)
    env.reset()
    policy = Policy.create(Shape(env.actor_size, bench.task.action_size, (8,)), torch.tensor([1, 2]), 1.0)
    moments = RunningMoments(2, (env.actor_size,), torch.device("cpu"))
    bank = ProgramBank([bench.baseline("human", 4)] * 2, 4)
    return Collector(env, policy, moments, bank, torch.tensor([3, 4]), 16, Clocks())


@pytest.mark.parametrize("name", ["cartpole", "shadow_hand"])
def test_captured_steps_give_the_numbers_of_plain_ones(name: str, request, monkeypatch):
    bench = request.getfixturevalue(name)
    monkeypatch.setattr(bench.task, "horizon", 7, raising=False)
    plain, captured = collector(bench, False), collector(bench, True)
    for _ in range(2):
        one, other = plain.collect(), captured.collect()
        assert bool(one.timed_out.any())
        for field in vars(one):
            a, b = getattr(one, field), getattr(other, field)
            if field == "fitness":  # no number to use elsewhere
                a, b = a[one.ended], b[one.ended]
            assert torch.equal(a, b), field
        assert plain.bank.drain() == captured.bank.drain()  # type: ignore[attr-defined]
        for name, value in plain.env.save().items():
            assert torch.equal(value, captured.env.save()[name]), name


def test_between_captured_steps_everything_lies_where_it_lay(cartpole: Bench):
    c = collector(cartpole, True)
    env = c.env
    assert isinstance(env, Env)
    c.collect()
    before = {name: value.data_ptr() for name, value in env.step_state().items()}
    c.collect()
    assert {name: value.data_ptr() for name, value in env.step_state().items()} == before


def test_a_capture_goes_on_from_what_the_environment_was_given_meanwhile(cartpole: Bench):
    a, b = collector(cartpole, True), collector(cartpole, True)
    a.collect()
    saved = {name: value.clone() for name, value in a.env.save().items()}
    expected = a.collect().observation.clone()
    b.collect()
    b.collect()
    b.env.load(saved)
    assert torch.equal(b.collect().observation, expected)


def test_a_value_that_lies_in_anothers_place_arrives_whole(cartpole: Bench):
    """As where the last action becomes the one before it."""
    env = cartpole.env(1, 3, static=True)
    env.reset()
    first, second = torch.full((3, 1), 1.0), torch.full((3, 1), 2.0)

    def rotate() -> tuple[torch.Tensor, ...]:
        env.previous_action, env.last_action = env.last_action, env.last_action + 1
        return ()

    env.last_action, env.previous_action = second, first
    steps = Capture(env, rotate)
    steps.begin()
    steps()
    steps()
    assert env.last_action.unique().item() == 4.0 and env.previous_action.unique().item() == 3.0


def test_a_player_plays_the_same_episodes_again_captured_or_not(cartpole: Bench):
    policy = Policy.create(Shape(4, 1, (8,)), torch.tensor([1, 2]), 1.0)
    policy.flat.mul_(30.0)
    moments = RunningMoments(2, (4,), torch.device("cpu"))
    plain, captured = (PolicyPlayer(cartpole.env(2, 4, static=s), policy, moments) for s in (False, True))
    first = plain.play()
    assert len(first.length.unique()) > 1
    for player in (plain, captured, captured):
        again = player.play()
        assert torch.equal(again.fitness, first.fitness) and torch.equal(again.length, first.length)


class Again:
    """In a graph's place: does the work anew, on the tensors that it was given once."""

    def __init__(self, work: Callable[[], None]):
        self._work = work

    def __call__(self) -> None:
        self._work()


def test_replayed_updates_read_this_rollout_and_not_the_first(cartpole: Bench, monkeypatch):
    monkeypatch.setattr(graphs, "Graph", Again)
    one, other = collector(cartpole, False), collector(cartpole, False)
    settings = Learning(horizon=16, hidden=(8,), minibatches=2)
    plain, replayed = (Learner(c.policy, settings, 0) for c in (one, other))
    replayed._replay._graphs = True
    alive = torch.tensor([True, True])
    for iteration in range(4):
        expected = plain.update(one.collect(), iteration, alive)
        found = replayed.update(other.collect(), iteration, alive)
        assert torch.equal(expected.kl, found.kl) and torch.equal(one.policy.flat, other.policy.flat)
        assert torch.equal(plain.learning_rate, replayed.learning_rate)
        alive = torch.tensor([True, iteration != 1])
