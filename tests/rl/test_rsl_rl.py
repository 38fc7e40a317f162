"""One PPO update held against rsl_rl's own, on rollouts of real environments.

Both begin from the same parameters, see the same samples in the same minibatches, and must give the same losses,
learning rate and parameters to 1e-5. What was made equal for it:

- Values: ours are normalised by the returns seen, rsl_rl's are not. Our moments are held at mean 0 and deviation 1.
- Observations: ours are cut at 10 deviations, rsl_rl's are not. Both are given ours.
- Minibatches: rsl_rl deals all epochs of an update from one shuffle, ours shuffles before each. It is given ours.
- The norm of gradients: rsl_rl limits actor and critic apart, ours both together as its versions before 4 did. The
  limit is out of reach here, but for the two tests about it.
- Time-outs: rsl_rl adds gamma times the value of the observation *before* the step to the reward, since its
  environments do not give the observation after it. Ours adds that of the terminal observation. No episode is cut by
  time here, but in the test that shows this difference in numbers.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from support.bench import Bench, bench_of
from tensordict import TensorDict
from torch import Tensor, nn

from eureka.config.settings import Learning
from eureka.rewards.program import ProgramBank
from eureka.rl.policy import Policy, Shape
from eureka.rl.ppo import Learner
from eureka.rl.rollout import Clocks, Collector, Rollout, normalize
from eureka.system.paths import load_file

rsl = load_file("peers_rsl", Path(__file__).parents[2] / "benchmarks" / "peers" / "rsl.py")

WORLDS, HORIZON = 16, 32
OUT_OF_REACH = 1e6


def settings(**changes) -> Learning:
    """Five epochs of four minibatches, and every coefficient one that would show."""
    small = Learning(hidden=(16, 16), horizon=HORIZON, entropy=0.005, value_coefficient=0.7, initial_std=0.5)
    return small.model_copy(update={"gradient_norm": OUT_OF_REACH} | changes)


class Played:
    """A population that has played a rollout, about to learn."""

    def __init__(self, bench: Bench, learning: Learning, rewards: tuple[str, ...] = ("human",)):
        self.bench, self.learning = bench, learning
        members = len(rewards)
        self.alive = torch.ones(members, dtype=torch.bool)
        self.env = bench.env(members, WORLDS)
        seeds = torch.arange(members) + 3
        shape = Shape(self.env.reset().shape[-1], bench.task.action_size, learning.hidden)
        policy = Policy.create(shape, seeds, learning.initial_std)
        self.learner = Learner(policy, learning, seed=7)
        self.learner.values.load(unit_moments(members))
        bank = ProgramBank([bench.baseline(name, WORLDS) for name in rewards], WORLDS)
        moments = self.learner.observations
        self._collector = Collector(self.env, policy, moments, bank, seeds, HORIZON, Clocks())
        self.play()

    def play(self) -> None:
        """A rollout, and what the policies see after it."""
        self.rollout: Rollout = self._collector.collect()
        self.last = normalize(self.learner.observations, self.env.observation)


def unit_moments(members: int) -> dict[str, Tensor]:
    """Moments that no sample will change any more: of very many that were seen."""
    zeros = torch.zeros(members, dtype=torch.float64)
    return {"mean": zeros, "var": zeros + 1.0, "count": torch.tensor(1e30, dtype=torch.float64)}


class Theirs:
    """rsl_rl's PPO with the parameters and the rollout of one member of ours."""

    def __init__(self, played: Played, member: int = 0, together: bool = False):
        env = played.bench.env(1, WORLDS)
        bank = ProgramBank([played.bench.baseline("human", WORLDS)], WORLDS)
        self.ppo = rsl.Peer(env, bank, played.learning, seed=0, normalize=False, together=together).algorithm
        self.member = member
        self._copy(played.learner.policy)
        self.replay(played)

    def _copy(self, policy: Policy) -> None:
        mine = {name: view[self.member] for name, view in policy.views.items()}
        with torch.no_grad():
            for net, i, layer in self._layers():
                layer.weight.copy_(mine[f"{net}.{i}.weight"].T)
                layer.bias.copy_(mine[f"{net}.{i}.bias"][0])
            self.ppo.actor.distribution.log_std_param.copy_(mine["log_std"][0])

    def replay(self, played: Played) -> None:
        """Take in the rollout as if it had been played here, which its means, values and probabilities must be as."""
        member, rollout, std = self.member, played.rollout, played.learner.policy.std()[self.member]
        for t in range(HORIZON):
            seen = watched(rollout.observation[member, t])
            self.ppo.act(seen)  # draws an action of its own, in whose place ours is put
            mean, value = self.ppo.transition.distribution_params[0], self.ppo.transition.values
            assert torch.allclose(mean, rollout.output[member, t], atol=1e-5)
            assert torch.allclose(value[:, 0], rollout.value[member, t], atol=1e-5)
            log_prob = self.ppo.actor.get_output_log_prob(rollout.action[member, t])
            assert torch.allclose(log_prob, rollout.log_prob[member, t], atol=1e-5)
            self.ppo.transition.actions = rollout.action[member, t]
            self.ppo.transition.actions_log_prob = rollout.log_prob[member, t]
            self.ppo.transition.distribution_params = (rollout.output[member, t], std.expand_as(mean))
            extras = {"time_outs": rollout.timed_out[member, t]}
            self.ppo.process_env_step(seen, rollout.reward[member, t], rollout.ended[member, t], extras)
        with torch.no_grad():
            self.ppo.compute_returns(watched(played.last[member]))

    def update(self, orders: list[Tensor], monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
        """One update, with the samples of epoch e in the order `orders[e]`; their losses."""
        shuffles = iter(orders)
        deal = self.ppo.storage.mini_batch_generator

        def shuffled_anew(parts: int, epochs: int):
            return itertools.chain.from_iterable(deal(parts, 1) for _ in range(epochs))

        with monkeypatch.context() as patch:
            patch.setattr(torch, "randperm", lambda *_, **__: next(shuffles))
            patch.setattr(self.ppo.storage, "mini_batch_generator", shuffled_anew)
            losses = self.ppo.update()
        assert next(shuffles, None) is None
        return losses

    def flat(self) -> Tensor:
        """(D,) parameters in the order of ours."""
        parts = [part for _, _, layer in self._layers() for part in (layer.weight.T.flatten(), layer.bias)]
        return torch.cat([*parts, self.ppo.actor.distribution.log_std_param]).detach()

    def _layers(self) -> list[tuple[str, int, nn.Linear]]:
        nets = (("actor", self.ppo.actor), ("critic", self.ppo.critic))
        return [
            (name, i, layer)
            for name, net in nets
            for i, layer in enumerate(m for m in net.mlp if isinstance(m, nn.Linear))
        ]


def watched(observation: Tensor) -> TensorDict:
    return TensorDict({"policy": observation}, batch_size=[WORLDS])


def difference(played: Played, theirs: list[Theirs], monkeypatch: pytest.MonkeyPatch, iteration: int = 0) -> float:
    """After an update by both, the largest difference of any loss, learning rate or parameter."""
    learner, before = played.learner, played.learner.policy.flat.clone()
    orders = learner._orders(WORLDS * HORIZON, iteration)
    losses = [peer.update(orders, monkeypatch) for peer in theirs]
    ours = learner.update(played.rollout, iteration, played.alive)
    assert (learner.policy.flat - before).abs().max() > 1e-3
    assert (learner.learning_rate != played.learning.learning_rate).all(), "the KL divergence had nothing to say"
    worst = 0.0
    for p, (peer, loss) in enumerate(zip(theirs, losses, strict=True)):
        pairs = (
            (ours.policy_loss[p], loss["surrogate"]),
            # Its unit is a squared return: what is held to 1e-5 there is the relative difference.
            (ours.value_loss[p] / loss["value"], 1.0),
            (learner.learning_rate[p], peer.ppo.learning_rate),
        )
        parameters = (learner.policy.flat[p] - peer.flat()).abs().max()
        worst = max(worst, float(parameters), *(abs(float(a) - b) for a, b in pairs))
    return worst


def test_an_update_is_rsl_rls(cartpole: Bench, monkeypatch):
    played = Played(cartpole, settings())
    assert played.rollout.ended.sum() > 10 and not played.rollout.timed_out.any()
    assert difference(played, [Theirs(played)], monkeypatch) < 1e-5


def test_adam_and_the_learning_rate_go_on_as_rsl_rls(cartpole: Bench, monkeypatch):
    played = Played(cartpole, settings())
    theirs = Theirs(played)
    assert difference(played, [theirs], monkeypatch) < 1e-5
    played.play()
    theirs.replay(played)
    assert difference(played, [theirs], monkeypatch, iteration=1) < 1e-5


def test_each_members_update_is_the_one_it_would_have_alone_and_rsl_rls(monkeypatch):
    bench = bench_of("quadcopter")
    alone, both = Played(bench, settings()), Played(bench, settings(), ("human", "sparse"))
    assert not both.rollout.timed_out.any()
    for name, value in vars(alone.rollout).items():
        assert torch.equal(value[0], getattr(both.rollout, name)[0]), name
    # Adam divides a gradient by its own size: one parameter whose slope is nothing but rounding is 1.1e-5 off.
    assert difference(both, [Theirs(both, 0), Theirs(both, 1)], monkeypatch) < 2e-5
    alone.learner.update(alone.rollout, 0, alone.alive)
    assert torch.equal(alone.learner.policy.flat[0], both.learner.policy.flat[0])
    assert both.learner.learning_rate[0] != both.learner.learning_rate[1]


def test_gradients_of_one_network_are_limited_as_rsl_rls(cartpole: Bench, monkeypatch):
    """Without a value loss the critic has no gradient, and together is apart."""
    limited = settings(value_coefficient=0.0, gradient_norm=0.05)
    norms = spied_norms(monkeypatch)
    played = Played(cartpole, limited)
    assert difference(played, [Theirs(played)], monkeypatch) < 1e-5
    assert max(norms) > 2 * limited.gradient_norm


def test_gradients_of_both_networks_are_limited_together_where_rsl_rl_does_so_apart(cartpole: Bench, monkeypatch):
    """Of an actor's gradient of norm 3 and a critic's of 4, a limit of 1 leaves 0.6 and 0.8 here, 1 and 1 there."""
    played = Played(cartpole, settings(gradient_norm=1.0))
    assert difference(played, [Theirs(played)], monkeypatch) > 1e-3

    norms = spied_norms(monkeypatch)
    played = Played(cartpole, settings(gradient_norm=1.0))
    assert difference(played, [Theirs(played, together=True)], monkeypatch) < 1e-5
    assert max(norms) > 2.0


def spied_norms(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Norms of rsl_rl's gradients before they are limited."""
    norms: list[float] = []
    real = nn.utils.clip_grad_norm_

    def clip(parameters, limit: float) -> Tensor:
        norms.append(float(norm := real(parameters, limit)))
        return norm

    monkeypatch.setattr(nn.utils, "clip_grad_norm_", clip)
    return norms


@pytest.fixture
def cut_short(cartpole: Bench, monkeypatch) -> Callable[[], Played]:
    """Rollouts of episodes that time ends after twelve steps."""
    monkeypatch.setattr(cartpole.task, "horizon", 12, raising=False)
    return lambda: Played(cartpole, settings())


def test_a_time_out_is_worth_the_state_after_the_step_where_rsl_rl_takes_the_one_before(cut_short):
    """r + gamma V(s') here, r + gamma V(s) there; s' is the state that time cut the episode off at."""
    played = cut_short()
    rollout, theirs = played.rollout, Theirs(played)
    cut = rollout.timed_out[0]
    assert cut.sum() > 10
    reward, before, after = (x[0][cut] for x in (rollout.reward, rollout.value, rollout.terminal_value))
    gamma = played.learning.gamma
    ours = played.learner._prepare(rollout, played.alive).target.reshape(HORIZON, WORLDS)
    assert torch.allclose(ours[cut], reward + gamma * after, atol=1e-5)
    assert torch.allclose(theirs.ppo.storage.returns[..., 0][cut], reward + gamma * before, atol=1e-5)
    assert (before - after).abs().max() > 0.01


def test_time_outs_differ_from_rsl_rls_in_nothing_else(cut_short, monkeypatch):
    played = cut_short()
    rollout = played.rollout
    before = torch.where(rollout.timed_out, rollout.value, 0.0)
    rollout.terminal_value.copy_(before)
    assert difference(played, [Theirs(played)], monkeypatch) < 1e-5


def test_rsl_rl_plays_our_environment(cartpole: Bench, monkeypatch):
    monkeypatch.setattr(cartpole.task, "horizon", 6, raising=False)
    worlds = rsl.Worlds(cartpole.env(1, 4), ProgramBank([cartpole.baseline("human", 4)], 4))
    twin, rewards = cartpole.env(1, 4), ProgramBank([cartpole.baseline("human", 4)], 4)
    assert torch.equal(worlds.get_observations()["policy"], twin.reset()[0])
    for _ in range(6):
        action = torch.full((4, 1), 0.3)
        observation, reward, done, extras = worlds.step(action)
        step = twin.step(action[None], rewards)
        assert torch.equal(observation["policy"], step.observation[0]) and torch.equal(reward, step.reward[0])
        assert torch.equal(done, (step.terminated | step.timed_out)[0])
        assert torch.equal(extras["time_outs"], step.timed_out[0])
    assert extras["time_outs"].any() and (worlds.episode_length_buf == 0).all()


def test_rsl_rl_trains_on_our_environment(cartpole: Bench):
    learning = settings(gradient_norm=1.0)
    bank = ProgramBank([cartpole.baseline("human", WORLDS)], WORLDS)
    done = list(rsl.Peer(cartpole.env(1, WORLDS), bank, learning, seed=0).learn(12))
    assert [i.steps for i in done[:2]] == [WORLDS * HORIZON, 2 * WORLDS * HORIZON]
    assert done[-1].training_return > 1.5 * done[0].training_return
    assert all(i.collection > 0 and i.learning > 0 for i in done)
