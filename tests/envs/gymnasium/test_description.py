"""What designers are told of an environment by id: much, and nothing of its reward."""

from __future__ import annotations

from pathlib import Path

import pytest

from eureka.config.description import Description
from eureka.config.tasks import EnvironmentFile, LoadedTask
from eureka.designers import prompts
from eureka.envs.gymnasium.description import describe
from eureka.envs.gymnasium.env import GymnasiumTask


def told(name: str) -> Description:
    file = EnvironmentFile(name="x", task=name)  # also of environments that run on batched physics
    return describe(LoadedTask(path=Path(name), file=file), GymnasiumTask(file), {})


def test_a_designer_is_told_goal_scene_fields_and_what_ends_an_episode():
    task = told("gymnasium:Hopper-v5")
    assert task.goal.startswith("make hops that move in the forward (right) direction")
    assert "two-dimensional one-legged figure" in task.scene
    assert "height of the hopper" in task.termination and task.control_period == 0.008 and task.horizon == 1000
    fields = {f.name: f for f in task.state}
    assert fields["observation"].doc.startswith("(N, 11) ") and "1 angle of the torso" in fields["observation"].doc
    assert fields["torso_position"].doc == "(N, 3) m, of the body torso, world frame"
    assert fields["rootz_velocity"].shape == () and fields["thigh_joint_position"].doc.startswith("(N,) rad, ")
    assert all(name.isidentifier() for name in fields)
    assert "2 Torque applied on the foot rotor" in task.action


@pytest.mark.parametrize("name", ["Hopper-v5", "Ant-v5", "Humanoid-v5", "Reacher-v5", "Pendulum-v1"])
def test_nothing_of_the_environments_reward_is_in_a_prompt(name: str):
    text = "\n".join(m.content for m in prompts.first(told(f"gymnasium:{name}"))[1:])
    for secret in ("reward_", "healthy_reward", "forward_reward", "ctrl_cost", "reward function that"):
        assert secret not in text, secret


def test_what_was_assumed_is_said_to_the_user_and_not_to_a_designer():
    task = told("gymnasium:Pendulum-v1")
    assert any("fitness is its return" in line for line in task.assumptions)
    assert any("are defaults" in line for line in task.assumptions)
    text = "\n".join(m.content for m in prompts.first(task))
    assert not any(line in text for line in task.assumptions)
