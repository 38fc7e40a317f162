"""What reward programs pay along played episodes."""

from __future__ import annotations

import torch
from support.bench import Bench

from eureka.rl.evaluation import StepRewards


def test_returns_and_correlations_count_running_worlds_only(cartpole: Bench):
    programs = [
        cartpole.program(f"def compute_reward(pole_angle):\n    return {code}, {{}}", 3)
        for code in ("pole_angle", "3 * pole_angle + 1", "-pole_angle", "0 * pole_angle")
    ]
    rewards = StepRewards(programs)
    for angles, running in (([1.0, 2.0, 3.0], [True, True, True]), ([5.0, 7.0, 9.0], [False, True, True])):
        assert rewards({"pole_angle": torch.tensor(angles)}).tolist() == [[0.0, 0.0, 0.0]]
        rewards.add(torch.tensor(running))
    assert rewards.returns().tolist() == [[1.0, 9.0, 12.0], [4.0, 29.0, 38.0], [-1.0, -9.0, -12.0], [0.0, 0.0, 0.0]]
    row = rewards.correlations()[0]
    assert torch.allclose(row[:3], torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64)) and row[3].isnan()
