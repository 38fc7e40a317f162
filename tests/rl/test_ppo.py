"""PPO's parts, against numbers worked out by hand and against torch's own."""

import math

import pytest
import torch

from eureka.config.settings import Learning
from eureka.envs.base import chosen
from eureka.noise import Noise
from eureka.rl import losses
from eureka.rl.distributions import Categorical, Gaussian
from eureka.rl.losses import Batch
from eureka.rl.normalization import RunningMoments
from eureka.rl.optimizer import PopulationAdam
from eureka.rl.policy import Policy, Shape, elu_, linear
from eureka.rl.ppo import advantages, next_learning_rate, standardize


def gae(rewards, values, terminal, last, ended, timed_out, gamma=0.5, lam=0.5):
    """For one member and one world; plain lists."""
    as_row = [torch.tensor(x).reshape(1, -1, 1) for x in (rewards, values, terminal)]
    flags = [torch.tensor(x).reshape(1, -1, 1) for x in (ended, timed_out)]
    return advantages(*as_row, torch.tensor([[last]]), *flags, gamma, lam).flatten().tolist()


def test_a_time_out_bootstraps_but_a_fall_does_not():
    # one step, reward 1, gamma 0.5, value now 2, terminal value 4
    # cut by time: 1 + 0.5 * 4 - 2 = 1        fallen: 1 - 2 = -1
    assert gae([1.0], [2.0], [4.0], 9.0, [True], [True]) == [1.0]
    assert gae([1.0], [2.0], [4.0], 9.0, [True], [False]) == [-1.0]


def test_advantages_look_ahead_with_gamma_and_lambda():
    # delta_1 = 2 + 0.5 * 4 - 3 = 1;  delta_0 = 1 + 0.5 * 3 - 2 = 0.5;  A_0 = 0.5 + 0.25 * 1
    assert gae([1.0, 2.0], [2.0, 3.0], [0.0, 0.0], 4.0, [False, False], [False, False]) == [0.75, 1.0]


def test_advantages_do_not_reach_over_the_end_of_an_episode():
    # step 0 falls: A_0 = 1 - 2 = -1, whatever comes after;  A_1 = 2 + 0.5 * 4 - 3 = 1
    assert gae([1.0, 2.0], [2.0, 3.0], [7.0, 7.0], 4.0, [True, False], [False, False]) == [-1.0, 1.0]


def test_standardised_advantages_are_each_members_own():
    x = torch.tensor([[1.0, 2.0, 3.0], [10.0, 10.0, 40.0]])
    # (1, 2, 3): mean 2, deviation 1;  (10, 10, 40): mean 20, deviation sqrt((100 + 100 + 400) / 2) = sqrt 300
    expected = [[-1.0, 0.0, 1.0], [-10 / math.sqrt(300), -10 / math.sqrt(300), 20 / math.sqrt(300)]]
    assert torch.allclose(standardize(x), torch.tensor(expected))


def test_kl_of_gaussians_is_summed_over_actions_and_averaged_over_samples():
    # KL(N(0, 1) || N(1, 2)) = ln 2 + (1 + 1) / 8 - 1 / 2;  KL(N(0, 1) || N(0, 2)) = ln 2 + 1 / 8 - 1 / 2
    old = torch.zeros(1, 2, 1), torch.ones(1, 1, 1)
    new = torch.tensor([[[1.0], [0.0]]]), torch.full((1, 1, 1), 2.0)
    expected = math.log(2) - 0.5 + (2 / 8 + 1 / 8) / 2
    assert Gaussian().kl(*old, *new).item() == pytest.approx(expected)
    normal = torch.distributions.Normal
    both = torch.distributions.kl_divergence(normal(*old), normal(*new)).sum(-1).mean(-1)
    assert torch.allclose(Gaussian().kl(*old, *new), both)


def test_the_learning_rate_follows_the_kl_of_each_member_within_bounds():
    rate = torch.tensor([3e-4, 3e-4, 3e-4, 1e-5, 1e-2, 3e-4])
    kl = torch.tensor([0.021, 0.004, 0.01, 0.5, 0.001, 0.0])
    expected = torch.tensor([2e-4, 4.5e-4, 3e-4, 1e-5, 1e-2, 3e-4])
    assert torch.allclose(next_learning_rate(rate, kl, target=0.01), expected)


def test_moments_over_batches_are_those_of_all_samples():
    moments = RunningMoments(2, (), torch.device("cpu"))
    everyone = torch.ones(2, dtype=torch.bool)
    moments.update(torch.tensor([[1.0, 2.0], [0.0, 0.0]]), everyone)
    moments.update(torch.tensor([[3.0, 6.0], [4.0, 4.0]]), everyone)
    # 1, 2, 3, 6: mean 3, variance (4 + 1 + 0 + 9) / 4;  0, 0, 4, 4: mean 2, variance 4
    assert moments.mean.tolist() == [3.0, 2.0]
    assert moments.var.tolist() == [3.5, 4.0]
    assert moments.normalize(torch.tensor([[3.0], [6.0]]), limit=10.0).tolist() == [[0.0], [2.0]]
    assert moments.normalize(torch.tensor([[3.0], [6.0]]), limit=1.5)[1].item() == 1.5
    assert moments.denormalize(torch.tensor([[0.0], [2.0]])).tolist() == [[3.0], [6.0]]


def test_moments_of_the_dead_stay_as_they_are():
    moments = RunningMoments(2, (), torch.device("cpu"))
    moments.update(torch.tensor([[1.0, 3.0], [1.0, 3.0]]), torch.tensor([True, True]))
    moments.update(torch.tensor([[9.0, 9.0], [math.nan, 9.0]]), torch.tensor([True, False]))
    assert moments.mean.tolist() == [5.5, 2.0]
    assert torch.isfinite(moments.var).all()


def test_adam_of_a_population_is_adam_of_each_member():
    torch.manual_seed(0)
    start, rates = torch.randn(3, 7), torch.tensor([1e-2, 3e-3, 1e-1])
    flat = start.clone()
    ours = PopulationAdam(flat)
    theirs = [torch.nn.Parameter(row.clone()) for row in start]
    optimizers = [torch.optim.Adam([p], lr=float(r)) for p, r in zip(theirs, rates, strict=True)]
    for _ in range(5):
        gradient = torch.randn(3, 7) * torch.tensor([[0.01], [1.0], [100.0]])
        ours.step(gradient, rates, torch.ones(3, dtype=torch.bool), max_norm=1.0)
        for p, optimizer, row in zip(theirs, optimizers, gradient, strict=True):
            p.grad = row.clone()
            torch.nn.utils.clip_grad_norm_([p], 1.0)
            optimizer.step()
    assert torch.allclose(flat, torch.stack([p.detach() for p in theirs]), rtol=1e-5, atol=1e-7)


def test_a_step_for_graphs_is_the_step_of_torchs_kernel():
    torch.manual_seed(0)
    start, rates, alive = torch.randn(3, 50), torch.tensor([1e-2, 3e-3, 1e-1]), torch.tensor([True, False, True])
    flats = start.clone(), start.clone()
    kernel, graph = (PopulationAdam(flat) for flat in flats)
    for _ in range(5):
        gradient = torch.randn(3, 50)
        clipped = gradient * (1.0 / (gradient.norm(dim=1, keepdim=True) + 1e-6)).clamp(max=1.0)
        kernel.step(gradient, rates, alive, max_norm=1.0)
        graph.steps += 1
        graph._captured(clipped, rates, alive)
    assert torch.allclose(*flats, rtol=1e-5, atol=1e-7) and torch.equal(flats[0][1], start[1])


def test_a_dead_member_does_not_move_and_does_not_spoil_the_others():
    flat = torch.ones(2, 3)
    optimizer = PopulationAdam(flat)
    gradient = torch.tensor([[1.0, 1.0, 1.0], [math.nan, math.inf, 1.0]])
    optimizer.step(gradient, torch.tensor([0.1, 0.1]), torch.tensor([True, False]), max_norm=1.0)
    assert flat[1].tolist() == [1.0, 1.0, 1.0]
    assert torch.allclose(flat[0], torch.tensor([0.9, 0.9, 0.9]))


@pytest.mark.parametrize("size", [32, 33])  # with exp2, and with expm1
def test_elu_is_torchs_with_its_derivative_for_any_number_of_members(size: int):
    x = torch.randn(3, size, 30, requires_grad=True)
    expected = torch.nn.functional.elu(x)
    (derivative,) = torch.autograd.grad(expected.sum(), x)
    value, slope = elu_(x.detach().clone())
    assert torch.allclose(value, expected, atol=2e-7)
    assert torch.allclose(slope, derivative, atol=2e-7)
    for p in range(3):
        alone = elu_(x.detach()[p : p + 1].clone())
        assert torch.equal(alone[0][0], value[p]) and torch.equal(alone[1][0], slope[p])


def test_a_layer_is_each_members_own_matrix_product():
    x, w, b = torch.randn(3, 5, 4), torch.randn(3, 4, 2), torch.randn(3, 1, 2)
    for p in range(3):
        assert torch.allclose(linear(x, w, b)[p], x[p] @ w[p] + b[p], atol=1e-6)


def test_equal_seeds_give_equal_policies_and_others_do_not():
    shape = Shape(3, 2, (8,))
    a = Policy.create(shape, torch.tensor([5, 6, 5]))
    assert torch.equal(a.flat[0], a.flat[2]) and not torch.equal(a.flat[0], a.flat[1])
    assert torch.equal(a.flat[1], Policy.create(shape, torch.tensor([6])).flat[0])


def test_a_fresh_policy_acts_near_zero_with_the_asked_deviation():
    p = Policy.create(Shape(3, 2, (64, 64)), torch.tensor([1]), initial_std=0.7)
    assert p.mean(torch.randn(1, 100, 3)).abs().max() < 0.1
    assert torch.allclose(p.std(), torch.full((1, 1, 2), 0.7))


class Choices:
    """Independent choices, by torch's distributions."""

    def __init__(self, logits: torch.Tensor, sizes: tuple[int, ...]):
        self.parts = [torch.distributions.OneHotCategorical(logits=part) for part in logits.split(sizes, dim=-1)]
        self.sizes = sizes

    def log_prob(self, action: torch.Tensor) -> torch.Tensor:
        return sum(d.log_prob(a) for d, a in zip(self.parts, action.split(self.sizes, dim=-1), strict=True))

    def entropy(self) -> torch.Tensor:
        return sum(part.entropy() for part in self.parts)


def likelihood(shape: Shape, output: torch.Tensor, std: torch.Tensor):
    """Of one member, by torch's distributions: (B, A) and (1, S)."""
    if shape.choices:
        return Choices(output, shape.choices)
    normal = torch.distributions.Normal(output, std.expand_as(output))
    return torch.distributions.Independent(normal, 1)


def divergence(old, new) -> torch.Tensor:
    if isinstance(old, Choices):
        return sum(torch.distributions.kl_divergence(a, b) for a, b in zip(old.parts, new.parts, strict=True))
    return torch.distributions.kl_divergence(old, new)


def batch_for(p: Policy, samples: int = 64) -> Batch:
    """What `p` would have sampled on random observations."""
    members, action = p.flat.shape[0], p.shape.action
    observation = torch.randn(members, samples, p.shape.seen)
    with torch.no_grad():
        mean = p.mean(observation)
        noise = torch.randn(members, samples, action)  # for choices no Gumbel noise, but any actions will do
        act = p.shape.distribution.sample(mean, p.std(), noise)
        log_prob = torch.stack(
            [likelihood(p.shape, m, s).log_prob(a) for m, s, a in zip(mean, p.std(), act, strict=True)]
        )
        value = p.value(observation)
    target = value + torch.randn(members, samples)
    return Batch(observation, act, log_prob, mean, value, standardize(torch.randn(members, samples)), target)


def test_log_probabilities_are_torchs_normal_distributions():
    action, mean, std = torch.randn(2, 5, 3), torch.randn(2, 5, 3), torch.rand(2, 1, 3) + 0.5
    expected = torch.distributions.Normal(mean, std).log_prob(action).sum(-1)
    assert torch.allclose(Gaussian().log_probability(action, mean, std), expected, atol=1e-5)


@pytest.mark.parametrize("shape", [Shape(3, 2, (8, 8)), Shape(3, 2, (8, 8), 2), Shape(3, 5, (8, 8), choices=(2, 3))])
def test_losses_and_slopes_are_ppos_for_each_member(shape: Shape):
    """Against the formulas written plainly, one member at a time, with autograd's slopes."""
    torch.manual_seed(2)
    p = Policy.create(shape, torch.arange(2))
    settings = Learning(hidden=(8, 8), entropy=0.01, value_coefficient=0.5, clip=0.05)
    batch = batch_for(p, 64)
    moved = Policy(p.shape, p.flat + 0.15 * torch.randn_like(p.flat))
    actor, in_log_std, kl = losses.actor(moved, batch, p.std(), settings)
    critic = losses.critic(moved, batch, settings)
    for m in range(2):
        leaves = {name: view[m].clone().requires_grad_() for name, view in moved.views.items()}

        def network(net: str, x: torch.Tensor, leaves=leaves) -> torch.Tensor:
            for layer in range(3):
                x = x @ leaves[f"{net}.{layer}.weight"] + leaves[f"{net}.{layer}.bias"]
                x = torch.nn.functional.elu(x) if layer < 2 else x
            return x

        mean = network("actor", batch.observation[m, :, :3])
        now = likelihood(shape, mean, leaves["log_std"].exp())
        ratio = torch.exp(now.log_prob(batch.action[m]) - batch.log_prob[m])
        assert ((ratio < 0.95) | (ratio > 1.05)).any(), "some are clipped"
        a = batch.advantage[m]
        surrogate = -torch.min(ratio * a, ratio.clamp(0.95, 1.05) * a).mean()
        value, old, target = network("critic", batch.observation[m])[:, 0], batch.value[m], batch.target[m]
        near = old + (value - old).clamp(-0.05, 0.05)
        assert (near != value).any(), "some are clipped"
        squared = torch.max((value - target) ** 2, (near - target) ** 2).mean()
        whole = surrogate + 0.5 * squared - 0.01 * now.entropy().mean()
        assert torch.allclose(actor.loss[m], surrogate, atol=1e-5)
        assert torch.allclose(critic.loss[m], squared, atol=1e-5)
        expected_kl = divergence(likelihood(shape, batch.output[m], p.std()[m]), now).mean()
        assert torch.allclose(kl[m], expected_kl, atol=1e-5)
        slopes = torch.autograd.grad(whole, list(leaves.values()), allow_unused=True)
        ours = [*actor.gradients, *critic.gradients, in_log_std]
        for name, mine, expected in zip(leaves, ours, slopes, strict=True):
            assert (expected is None and not mine.numel()) or torch.allclose(mine[m], expected, atol=1e-5), name


def test_choices_are_drawn_with_the_softmax_of_their_logits():
    distribution = Categorical((2, 3))
    logits = torch.tensor([0.0, 1.0, 2.0, 0.0, -1.0])
    noise = distribution.noise(Noise(torch.arange(20_000), torch.tensor(0)), 5)[None]
    drawn = distribution.sample(logits.expand(1, 20_000, 5), torch.zeros(1, 1, 0), noise)[0]
    assert torch.equal(drawn.unique(), torch.tensor([0.0, 1.0])) and bool((drawn[:, :2].sum(1) == 1).all())
    expected = torch.cat([part.softmax(0) for part in logits.split((2, 3))])
    assert (drawn.mean(0) - expected).abs().max() < 3 * 0.5 / 20_000**0.5
    deviation = distribution.spread(logits.expand(1, 1, 5), torch.zeros(1, 1, 0))
    assert torch.allclose(deviation, (expected * (1 - expected)).sqrt().mean())


def test_the_most_likely_of_each_choice_is_chosen_and_of_equals_the_first():
    assert chosen(torch.tensor([[0.5, 0.5, -3.0, -1.0, -2.0]]), (2, 3)).tolist() == [[1.0, 0.0, 0.0, 1.0, 0.0]]
