"""Statistics of rewards over the episodes that end, against a plain loop."""

from __future__ import annotations

import math

import pytest
import torch

from eureka.rewards.statistics import EpisodeMoments, over_episodes


def test_episode_sums_are_those_of_a_plain_loop_across_rollouts():
    torch.manual_seed(0)
    components, steps, worlds = 3, 7, 5
    running, sums = torch.zeros(components, worlds), torch.zeros(components, worlds, dtype=torch.float64)
    age = torch.zeros(worlds, dtype=torch.int64)
    for number in range(12):
        values, fitness = torch.randn(components, steps, worlds), torch.rand(steps, worlds)
        ended = torch.rand(steps, worlds) < (0.0 if number == 3 else 0.25)
        expected, length = [EpisodeMoments()] * components, torch.zeros(steps, worlds, dtype=torch.int64)
        for t in range(steps):
            sums += values[:, t]
            age += 1
            length[t] = age
            for w in ended[t].nonzero()[:, 0].tolist():
                f = fitness[t, w].item()
                for c in range(components):
                    s = sums[c, w].item()
                    m = s / age[w].item()
                    expected[c] += EpisodeMoments(1.0, s, m, m * m, f, f * f, m * f)
                sums[:, w], age[w] = 0.0, 0
        found = over_episodes(values, running, ended, fitness, length)
        assert torch.allclose(running.double(), sums, atol=1e-5)
        for column, moments in zip(found.T.tolist(), expected, strict=True):
            assert column == pytest.approx([*vars(moments).values()], abs=1e-4)


def test_a_mean_and_a_correlation_need_episodes_that_vary():
    def moments(pairs: list[tuple[float, float]]) -> EpisodeMoments:
        parts = [EpisodeMoments(1.0, s, s, s * s, f, f * f, s * f) for s, f in pairs]
        return sum(parts, EpisodeMoments())

    rising = [(float(i), 2.0 * i + (-1) ** i) for i in range(10)]
    assert moments(rising).mean == 4.5
    assert moments(rising).correlation == pytest.approx(torch.corrcoef(torch.tensor(rising).T)[0, 1].item())
    assert moments(rising[:7]).correlation is None, "too few"
    assert moments([(3.1, float(i)) for i in range(10)]).correlation is None
    assert moments([(float(i), 500.0) for i in range(10)]).correlation is None
    assert moments([]).mean is None
    sums = [EpisodeMoments(1.0, 3.0 * n, 3.0, 9.0, float(n), float(n * n), 3.0 * n) for n in range(1, 20)]
    assert sum(sums, EpisodeMoments()).correlation is None, "a constant's sum is the length"
    assert moments([(math.inf, 1.0)] * 10).correlation is None
