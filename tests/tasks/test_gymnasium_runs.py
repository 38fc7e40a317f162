"""Runs of Gymnasium's MuJoCo tasks: the same bits after a resume, on any threads, and whatever is read."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from support.mujoco_tasks import actions_of, open_env, task_of
from torch import Tensor

from eureka.envs.env import Env


def rolled(env: Env, actions: list[Tensor], read: tuple[str, ...] = (), read_from: int = 0) -> dict[str, Tensor]:
    """(T, W, ...) each: what the steps gave; fields named in `read` are read from a step on."""
    found: dict[str, list[Tensor]] = {}
    for t, action in enumerate(actions):

        def capture(fields: Any, t: int = t) -> Tensor:
            for name in read if t >= read_from else ():
                fields[name].clone()
            info = env.task.info(fields)  # type: ignore[attr-defined]
            for name, value in {"qpos": env.physics.qpos, "reward": info["reward"]}.items():
                found.setdefault(name, []).append(value.clone())
            return torch.zeros(env.members, env.worlds)

        step = env.step(action, capture)
        over = step.terminated | step.timed_out
        results = {"observation": step.observation, "over": over, "fitness": step.fitness.masked_fill(~over, 0.0)}
        for name, value in results.items():
            found.setdefault(name, []).append(value[0].clone())
    return {name: torch.stack(values) for name, values in found.items()}


def assert_same(a: dict[str, Tensor], b: dict[str, Tensor]) -> None:
    assert a.keys() == b.keys()
    for name in a:
        assert torch.equal(a[name], b[name]), name


LATE = ("Ant-v5", "Humanoid-v5", "HumanoidStandup-v5", "InvertedDoublePendulum-v5", "Reacher-v5", "Hopper-v5")


@pytest.mark.parametrize("identifier", LATE)
def test_a_run_that_is_resumed_in_an_episode_gives_the_same_bits(identifier: str):
    task = task_of(f"gymnasium:{identifier}")
    actions = actions_of(task, 30, 3)
    a, b = open_env(task, 3), open_env(task, 3)
    a.reset(), b.reset()
    rolled(a, actions[:13])
    saved = {name: value.clone() for name, value in a.save().items()}
    rolled(b, actions[:4])  # another state, which is overwritten
    b.load(saved)
    assert_same(rolled(a, actions[13:]), rolled(b, actions[13:]))


@pytest.mark.parametrize("identifier", LATE)
def test_results_depend_on_no_other_world_no_thread_and_no_field_that_is_read(identifier: str):
    task = task_of(f"gymnasium:{identifier}")
    everything = tuple(f for f in task.State.__dataclass_fields__ if f not in ("action", "last_action"))
    actions = actions_of(task, 30, 8)
    plain, threaded, alone, reading = (open_env(task, n, threads) for n, threads in ((8, 1), (8, 2), (3, 1), (8, 1)))
    for env in (plain, threaded, alone, reading):
        env.reset()
    expected = rolled(plain, actions)
    assert_same(expected, rolled(threaded, actions))
    few = rolled(alone, [action[:, :3] for action in actions])
    assert_same({name: value[:, :3] for name, value in expected.items()}, few)
    assert_same(expected, rolled(reading, actions, everything, read_from=9))


@pytest.mark.parametrize("identifier", ["Ant-v5", "Humanoid-v5"])
def test_a_field_that_is_first_read_late_has_the_values_of_one_that_is_always_read(identifier: str):
    task = task_of(f"gymnasium:{identifier}")
    names = ("torso_linear_velocity", "contact_forces" if identifier == "Ant-v5" else "torso_position")
    actions, seen = actions_of(task, 20, 2), {}
    for since in (0, 19):
        env = open_env(task, 2)
        env.reset()
        for t, action in enumerate(actions):

            def capture(fields: Any, t: int = t, since: int = since) -> Tensor:
                if t >= since:
                    seen[since] = torch.cat([fields[name].flatten() for name in names])
                return torch.zeros(1, 2)

            env.step(action, capture)
    assert torch.equal(seen[0], seen[19]) and seen[0].abs().max() > 0
