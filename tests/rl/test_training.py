"""Training: it learns, and what it reports is what happened."""

from __future__ import annotations

import pytest
import torch
from support.bench import Bench, bench_of

from eureka.config.settings import Evaluation, Learning, Plan
from eureka.envs.env import Env
from eureka.errors import UserError
from eureka.physics.backend import Backend
from eureka.rewards.program import ProgramBank
from eureka.rl.checkpoints import load_policies, read_tensors, save_policies
from eureka.rl.normalization import RunningMoments
from eureka.rl.policy import Policy, Shape
from eureka.rl.training import InitialPolicy, Training
from eureka.runs.candidate import Failed, Trained


def plan(iterations: int, **learning) -> Plan:
    settings = {"horizon": 32, "hidden": (64, 64)} | learning
    evaluation = Evaluation(checkpoints=4, selection_episodes=4, report_episodes=16)
    return Plan(64, iterations, Learning(**settings), evaluation, 0, "search")


def train(bench: Bench, programs, p: Plan) -> list[Trained]:
    t = Training(bench.task, bench.model, programs, [5] * len(programs), p, Backend("cpu", 2))
    outcomes = t.run(lambda _: None, lambda _: None)
    assert all(isinstance(o, Trained) for o in outcomes)
    return outcomes


SCALES = ("1.0", "4096.0", "1e-5")


@pytest.fixture(scope="module")
def trained(cartpole: Bench) -> list[Trained]:
    """Of the human reward, of its negation, and of one reward in three scales: one population."""
    human = cartpole.loaded.rewards["human"].read_text()
    negated = human.replace("return total", "return -total")
    assert negated != human
    body = "def compute_reward(pole_angle):\n    u = {} * torch.exp(-pole_angle.square() / 0.1)\n    return u, {{}}"
    sources = (human, negated, *(body.format(scale) for scale in SCALES))
    return train(cartpole, [cartpole.program(source, 64) for source in sources], plan(40))


def test_the_human_reward_solves_cartpole_and_its_negation_does_not(trained: list[Trained]):
    good, bad, *_ = trained
    assert good.report >= 475 and bad.report < 100


def test_the_scale_of_a_reward_does_not_matter(trained: list[Trained]):
    _, _, one, large, small = trained
    # a power of two scales without rounding, so learning goes the same way; the third may round otherwise
    assert one.report >= 475
    assert large.curves.fitness == pytest.approx(one.curves.fitness, rel=0.2)
    assert small.report >= 400


def test_the_best_checkpoint_is_reported_and_the_earliest_of_equals_taken(trained: list[Trained]):
    outcome = trained[0]
    fitness = outcome.curves.fitness
    assert outcome.selection == max(fitness) and outcome.best == fitness.index(max(fitness))
    assert len(outcome.report_episodes) == 16
    assert outcome.report == pytest.approx(sum(outcome.report_episodes) / 16)
    assert outcome.curves.steps == [20480, 40960, 61440, 81920] and outcome.steps == 81920


def test_checkpoints_are_spread_evenly_and_end_with_the_training():
    assert Evaluation(checkpoints=4).marks(10) == [3, 5, 8, 10]
    assert Evaluation(checkpoints=10).marks(2) == [1, 2]
    assert Evaluation(checkpoints=1).marks(1) == [1]


def test_component_statistics_are_means_over_worlds_and_time(cartpole: Bench):
    source = "def compute_reward(pole_angle):\n    a = pole_angle * 2\n    return a + 1, {'a': a, 'b': 3}"
    bank = ProgramBank([cartpole.program(source, 2)] * 2, 2)
    for angles in ([0.0, 1.0, 5.0, 5.0], [2.0, -1.0, 5.0, 7.0]):
        total = bank({"pole_angle": torch.tensor(angles)})
    assert total.tolist() == [[5.0, -1.0], [11.0, 15.0]]
    first, second = bank.drain()
    # 2 * (0 + 1 + 2 - 1) / 4 = 1
    assert first.components == {"a": 1.0, "b": 3.0} and first.total == 2.0
    assert first.least["a"] == -2.0 and first.greatest["a"] == 4.0
    assert second.components["a"] == 11.0 and first.fault is None


@pytest.mark.parametrize(
    "value, kind", [("pole_angle / 0", "NaN"), ("1 / (pole_angle * 0)", "infinite"), ("1e20 + pole_angle", "1e10")]
)
def test_a_reward_that_is_not_a_number_or_explodes_is_named_with_its_share(cartpole: Bench, value: str, kind: str):
    bank = ProgramBank([cartpole.program(f"def compute_reward(pole_angle):\n    return {value}, {{}}", 2)], 2)
    bank({"pole_angle": torch.tensor([0.0, 0.0])})
    fault = bank.drain()[0].fault
    assert fault is not None and kind in fault and "100%" in fault


def test_a_saved_policy_has_its_parameters_by_name(cartpole: Bench, tmp_path):
    t = Training(cartpole.task, cartpole.model, [cartpole.baseline("human", 64)], [5], plan(4), Backend("cpu", 1))
    t.run(lambda _: None, lambda _: None)
    file = tmp_path / "policy.safetensors"
    save_policies(*t.best(), [file])
    tensors, record = read_tensors(file, torch.device("cpu"))
    assert tensors["actor.0.weight"].shape == (4, 64) and tensors["observation.mean"].shape == (4,)
    assert record == {"observation": 4, "action": 1, "hidden": [64, 64], "privileged": 0}
    assert not list(tmp_path.glob("*.tmp"))


def test_a_reward_that_explodes_both_ways_fails_alone(cartpole: Bench):
    source = "def compute_reward(pole_angle):\n    return 1e30 * pole_angle / (0.0 * pole_angle.abs()), {}"
    programs = [cartpole.program(source, 64), cartpole.baseline("human", 64)]
    t = Training(cartpole.task, cartpole.model, programs, [5, 5], plan(4), Backend("cpu", 1))
    bad, good = t.run(lambda _: None, lambda _: None)
    assert isinstance(bad, Failed) and "infinite" in bad.message
    assert isinstance(good, Trained)


def test_a_policy_that_is_no_longer_finite_has_failed(cartpole: Bench):
    t = Training(
        cartpole.task, cartpole.model, [cartpole.baseline("human", 64)] * 2, [5, 5], plan(4), Backend("cpu", 1)
    )
    t.iterate()
    t.learner.policy.flat[0, 0] = torch.nan
    outcomes = t.run(lambda _: None, lambda _: None)
    assert isinstance(outcomes[0], Failed) and "finite" in outcomes[0].message
    assert isinstance(outcomes[1], Trained)


def test_a_fitness_that_is_not_finite_is_the_tasks_fault(cartpole: Bench):
    class Broken(type(cartpole.task)):
        def fitness(self, episode):
            return super().fitness(episode) / 0.0

    t = Training(Broken(), cartpole.model, [cartpole.baseline("human", 64)], [5], plan(4), Backend("cpu", 1))
    with pytest.raises(UserError, match="the fitness was NaN or infinite"):
        t.run(lambda _: None, lambda _: None)


def test_search_final_selection_and_report_play_unrelated_episodes(cartpole: Bench, monkeypatch):
    from dataclasses import replace

    seen, kind, begin = {}, {}, Env.restart

    def spied(env):
        return seen.setdefault((kind["purpose"], kind["kind"]), begin(env).clone())

    monkeypatch.setattr(Env, "restart", spied)
    evaluation = Evaluation(checkpoints=1, selection_episodes=4, report_episodes=4)
    for purpose in ("search", "final"):
        p = replace(plan(1), evaluation=evaluation, purpose=purpose)
        t = Training(cartpole.task, cartpole.model, [cartpole.baseline("human", 64)], [5], p, Backend("cpu", 1))
        for name in ("selection", "report"):
            kind.update(purpose=purpose, kind=name)
            t._evaluate(t.learner.policy, t.learner.observations, name)
    values = list(seen.values())
    assert len(values) == 4
    for i, one in enumerate(values):
        for other in values[i + 1 :]:
            assert not torch.isin(one[..., 0], other[..., 0]).any()


def test_observations_are_normalised_by_the_moments_of_raw_ones(cartpole: Bench):
    t = Training(cartpole.task, cartpole.model, [cartpole.baseline("human", 64)], [5], plan(4), Backend("cpu", 1))
    raw = []
    update = t.learner.update
    t.learner.update = lambda rollout, *a: (raw.append(rollout.raw_observation.clone()), update(rollout, *a))[1]
    t.iterate()
    t.iterate()
    everything = torch.cat(raw, dim=1).reshape(-1, 4).double()
    assert torch.allclose(t.learner.observations.mean[0], everything.mean(0), atol=1e-6)
    assert torch.allclose(t.learner.observations.var[0], everything.var(0, correction=0), atol=1e-6)


def test_what_only_the_critic_sees_moves_values_and_no_action_also_from_a_file(tmp_path):
    allegro = bench_of("allegro_hand")
    evaluation = Evaluation(checkpoints=1, selection_episodes=1, report_episodes=1)
    p = Plan(4, 1, Learning(horizon=4, hidden=(8,), minibatches=2), evaluation, 0, "search")
    program = allegro.program("def compute_reward(action):\n    return -action.abs().sum(-1), {}", 4)
    t = Training(allegro.task, allegro.model, [program], [5], p, Backend("cpu", 1))
    t.run(lambda _: None, lambda _: None)
    save_policies(*t.best(), [tmp_path / "policy.safetensors"])
    policy, moments = load_policies([tmp_path / "policy.safetensors"], torch.device("cpu"))
    assert (policy.shape.observation, policy.shape.privileged) == (72, 16)
    assert torch.equal(policy.flat, t.best()[0].flat) and torch.equal(moments.mean, t.best()[1].mean)
    seen = torch.randn(1, 5, 88)
    other = torch.cat([seen[..., :72], torch.randn(1, 5, 16)], dim=-1)
    assert torch.equal(policy.mean(seen), policy.mean(other))
    assert not torch.allclose(policy.value(seen), policy.value(other))


def test_a_warm_start_begins_with_the_parents_actor_and_normaliser_and_a_critic_of_its_own(cartpole: Bench, tmp_path):
    program = cartpole.baseline("human", 64)
    parent = Training(cartpole.task, cartpole.model, [program], [5], plan(8), Backend("cpu", 1))
    parent.run(lambda _: None, lambda _: None)
    save_policies(*parent.best(), [tmp_path / "policy"])
    policy, moments = load_policies([tmp_path / "policy"], torch.device("cpu"))
    fresh = Training(cartpole.task, cartpole.model, [program] * 2, [5, 6], plan(4), Backend("cpu", 1))
    warm = InitialPolicy(policy, moments, samples=4096)
    child = Training(cartpole.task, cartpole.model, [program] * 2, [5, 6], plan(4), Backend("cpu", 1), warm)
    for name, value in child.learner.policy.views.items():
        expected = (
            fresh.learner.policy.views[name] if name.startswith("critic.") else policy.views[name].expand_as(value)
        )
        assert torch.equal(value, expected), name
    assert torch.equal(child.learner.observations.mean[1], moments.mean[0])
    assert child.learner.observations.count == 4096
    best = parent.run(lambda _: None, lambda _: None)[0]
    begun = child._evaluate(child.learner.policy, child.learner.observations, "selection").fitness.mean(dim=1)
    assert isinstance(best, Trained) and begun[0] == best.selection, "as good as the parent before a single step"


def test_a_warm_start_from_another_network_is_refused_in_a_sentence(cartpole: Bench):
    program = cartpole.baseline("human", 64)
    small = Policy.create(Shape(4, 1, (8,)), torch.tensor([0]))
    warm = InitialPolicy(small, RunningMoments(1, (4,), torch.device("cpu")), 1)
    with pytest.raises(UserError, match="has other network sizes, observations or actions"):
        Training(cartpole.task, cartpole.model, [program], [5], plan(4), Backend("cpu", 1), warm)
