"""A reward pays the same in our own training and in a command's, in the states of the examples' environments."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch

from eureka.config.tasks import EnvironmentFile
from eureka.envs.gymnasium.env import GymnasiumTask
from eureka.noise import Noise, world_keys
from eureka.rewards.program import Field, ProgramBank, rebuild
from eureka.system.paths import load_sandbox

EXAMPLES = Path(__file__).resolve().parents[2] / "examples/stable_baselines3"
STEPS, WORLDS = 200, 3


@pytest.mark.parametrize(("example", "identifier"), [("pendulum", "Pendulum-v1"), ("hopper", "Hopper-v5")])
def test_a_reward_gives_the_same_numbers_inside_and_outside(tmp_path: Path, example: str, identifier: str):
    trace, source = load_sandbox("trace"), load_sandbox("source")
    task = GymnasiumTask(EnvironmentFile(name="x", task=f"gymnasium:{identifier}"))
    fields = {
        "observation": Field((task.observation_size,), "float32"),
        "action": Field((task.action_size,), "float32"),
    }
    eager = trace.load((EXAMPLES / f"{example}_human.py").read_text())
    program, _ = trace.trace(lambda: eager, trace.requested(eager, fields))
    (tmp_path / "module.py").write_text(source.module(program, "Of a test."))
    spec = importlib.util.spec_from_file_location("module", tmp_path / "module.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    bank = ProgramBank([rebuild(program, fields, WORLDS)], WORLDS)
    ours = task.open(torch.zeros(1, dtype=torch.int64), WORLDS, "test")
    ours.reset()
    keys = world_keys(torch.zeros(1, dtype=torch.int64), WORLDS)
    seeds = Noise(keys, torch.zeros(WORLDS, dtype=torch.int64)).integers("test/start", 1)[:, 0] & 0x7FFFFFFF
    theirs = [gymnasium.make(identifier) for _ in range(WORLDS)]
    for env, seed in zip(theirs, seeds.tolist(), strict=True):
        env.reset(seed=seed)
    running, compared, chance = np.ones(WORLDS, dtype=bool), 0, torch.Generator().manual_seed(0)
    for _ in range(STEPS):
        action = 2 * torch.rand(1, WORLDS, task.action_size, generator=chance) - 1
        inside = ours.step(action, bank.compute)
        native = task.actions.native(action[0].numpy())
        for w in np.flatnonzero(running):
            seen, _, terminated, truncated, _ = theirs[w].step(native[w])
            state = {"observation": torch.as_tensor(seen)[None].float(), "action": action[0, w : w + 1]}
            total, components = module.compute_reward(**{name: state[name] for name in ("observation", "action")})
            assert torch.allclose(total, inside.reward[0, w : w + 1], rtol=1e-5, atol=1e-7) and len(components) == 3
            running[w], compared = not (terminated or truncated), compared + 1
    assert compared > 30
