"""The tasks of Gymnasium's eleven MuJoCo robots, against Gymnasium itself: the same numbers from the same states."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from support.mujoco_tasks import IDS, open_env, task_with
from torch import Tensor

from eureka.config.tasks import load_task
from eureka.envs.gymnasium.batched import MujocoTask
from eureka.envs.introspection import load_class
from eureka.task import select

ASSETS = Path(inspect.getfile(gymnasium.envs.mujoco.MujocoEnv)).parent / "assets"  # type: ignore[attr-defined]
WORLDS = 8


class Twins:
    """Worlds of a task, each beside an environment of Gymnasium with the same states and actions."""

    def __init__(self, identifier: str, worlds: int = WORLDS, **arguments: Any):
        loaded = task_with(identifier, arguments)
        task = load_class(loaded)
        assert isinstance(task, MujocoTask)
        self.task, self.env = task, open_env(task, worlds)
        self.theirs: list[Any] = [gymnasium.make(identifier, **arguments).unwrapped for _ in range(worlds)]
        namespace: dict[str, Any] = {}
        exec(loaded.reward_code("human"), namespace)
        self.human: Callable[..., Any] = namespace["compute_reward"]
        self.seed = self.compared = self.ended = 0
        self.env.reset()
        self._begin(torch.ones(worlds, dtype=torch.bool))

    def _begin(self, mask: Tensor) -> None:
        """Begin an episode in the worlds of `mask` (W,), as Gymnasium's do from the next seeds."""
        sim, observations = self.env.physics, []
        for i in mask.nonzero()[:, 0].tolist():
            observations.append(self.theirs[i].reset(seed=self.seed)[0])
            self.seed += 1
        sim.reset(mask)
        qpos = torch.from_numpy(np.stack([env.data.qpos for env in self.theirs]))
        qvel = torch.from_numpy(np.stack([env.data.qvel for env in self.theirs]))
        sim.assign(mask, qpos=qpos, qvel=qvel)
        self.env.memory = select(mask, self.task.begin(sim), self.env.memory)
        sim.forward(mask)
        state = self.task.state(sim, self.env.memory, self.env.last_action, self.env.last_action)
        same(state["observation"][mask].numpy(), np.stack(observations), "observation after a reset")

    def step(self, action: Tensor) -> None:
        """Compare a step of all worlds; `action` (W, A) in [-1, 1]."""
        task, sim, seen = self.task, self.env.physics, {}

        def capture(state: Any) -> Tensor:
            wanted = inspect.signature(self.human).parameters
            human, parts = self.human(**{name: state[name] for name in wanted})
            assert torch.allclose(sum(parts.values()), human, rtol=1e-5, atol=1e-5)
            seen.update(task.info(state), human=human, observation=state["observation"].clone())
            seen.update(qpos=sim.qpos.clone(), qvel=sim.qvel.clone())
            return torch.zeros(1, len(action))

        step = self.env.step(action[None], capture)
        control = (task._middle + action * task._half).numpy()
        states, numbers, ends = [], [], []
        for i, env in enumerate(self.theirs):
            observation, reward, terminated, _, info = env.step(control[i])
            info = {key: value for key, value in info.items() if np.ndim(value) == 0}
            states.append(np.concatenate([env.data.qpos, env.data.qvel]))
            numbers.append(np.concatenate([observation, [reward, reward, *info.values()]]))
            ends.append(bool(terminated))
        names = ("reward", "human", *info)
        assert set(names) == seen.keys() - {"observation", "qpos", "qvel"}
        ours = torch.cat([seen["qpos"], seen["qvel"]], dim=1).numpy()
        np.testing.assert_allclose(ours, np.stack(states), rtol=0, atol=1e-12, err_msg="qpos, qvel")
        ours = torch.cat([seen["observation"], torch.stack([seen[name] for name in names], dim=1)], dim=1)
        same(ours.numpy(), np.stack(numbers), f"observation, {', '.join(names)}")
        assert step.terminated[0].tolist() == ends
        over = torch.tensor(ends) | step.timed_out[0]
        self.compared += len(over)
        self.ended += int(over.sum())
        if over.any():
            self._begin(over)


def same(ours: Any, theirs: Any, name: str) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6, err_msg=name)


def play(twins: Twins, steps: int) -> None:
    chance = torch.Generator().manual_seed(0)
    for _ in range(steps):
        twins.step(2 * torch.rand(len(twins.theirs), twins.task.action_size, generator=chance) - 1)


ENDLESS = {"HalfCheetah-v5", "Swimmer-v5", "HumanoidStandup-v5", "Reacher-v5", "Pusher-v5"}


def test_each_of_gymnasiums_mujoco_environments_has_a_task():
    theirs = {s.id for s in gymnasium.registry.values() if "envs.mujoco" in str(s.entry_point) and s.version == 5}
    assert set(IDS) == theirs and len(theirs) == 11


@pytest.mark.parametrize("identifier", IDS)
def test_a_thousand_steps_are_gymnasiums(identifier: str):
    twins = Twins(identifier)
    play(twins, 1000 // WORLDS)
    assert twins.compared == 1000
    assert (twins.ended > 0) == (identifier not in ENDLESS or twins.task.horizon < 1000 // WORLDS)
    assert twins.task.horizon == gymnasium.spec(identifier).max_episode_steps


CHANGED: list[tuple[str, dict[str, Any]]] = [
    ("Hopper-v5", {"exclude_current_positions_from_observation": False, "frame_skip": 2, "ctrl_cost_weight": 0.5}),
    (
        "Hopper-v5",
        {"terminate_when_unhealthy": False, "healthy_reward": 3, "healthy_state_range": [-3, 3], "frame_skip": 6},
    ),
    ("Hopper-v5", {"healthy_state_range": [-3.0, 3.0], "healthy_z_range": [1.2, 1.26], "reset_noise_scale": 0.02}),
    (
        "Walker2d-v5",
        {"forward_reward_weight": 2.5, "healthy_z_range": [1.1, 1.3], "healthy_angle_range": [-0.1, 0.05]},
    ),
    ("Walker2d-v5", {"exclude_current_positions_from_observation": False, "xml_file": "walker2d.xml"}),
    ("HalfCheetah-v5", {"forward_reward_weight": 0.5, "ctrl_cost_weight": 2, "reset_noise_scale": 0.0}),
    ("HalfCheetah-v5", {"exclude_current_positions_from_observation": False, "frame_skip": 1}),
    ("Swimmer-v5", {"exclude_current_positions_from_observation": False, "ctrl_cost_weight": 1.0, "frame_skip": 7}),
    ("Ant-v5", {"main_body": "front_left_leg", "contact_force_range": [-0.25, 2.0], "contact_cost_weight": 0.1}),
    ("Ant-v5", {"include_cfrc_ext_in_observation": False, "contact_cost_weight": 0, "main_body": 13}),
    (
        "Ant-v5",
        {"exclude_current_positions_from_observation": False, "healthy_z_range": [0.5, 0.9], "healthy_reward": 0.1},
    ),
    ("Humanoid-v5", {"include_cinert_in_observation": False, "include_cfrc_ext_in_observation": False}),
    (
        "Humanoid-v5",
        {
            "include_cvel_in_observation": False,
            "include_qfrc_actuator_in_observation": False,
            "exclude_current_positions_from_observation": False,
            "contact_cost_weight": 1e-4,
            "contact_cost_range": [0.25, 1.5],
            "healthy_z_range": [1.3, 2.0],
        },
    ),
    ("HumanoidStandup-v5", {"impact_cost_weight": 1e-5, "impact_cost_range": [0.0, 0.5], "uph_cost_weight": 3}),
    (
        "HumanoidStandup-v5",
        {
            "include_cinert_in_observation": False,
            "include_cvel_in_observation": False,
            "include_qfrc_actuator_in_observation": False,
            "include_cfrc_ext_in_observation": False,
            "frame_skip": 2,
        },
    ),
    ("InvertedPendulum-v5", {"frame_skip": 1, "reset_noise_scale": 0.15}),
    ("InvertedDoublePendulum-v5", {"healthy_reward": 0.5, "frame_skip": 3, "reset_noise_scale": 0.3}),
    ("Reacher-v5", {"reward_dist_weight": 3, "reward_control_weight": 0.25, "frame_skip": 5}),
    ("Pusher-v5", {"reward_near_weight": 2, "reward_dist_weight": 0.5, "reward_control_weight": 1, "frame_skip": 2}),
]


@pytest.mark.parametrize("identifier, arguments", CHANGED, ids=[f"{i}-{n}" for n, (i, _) in enumerate(CHANGED)])
def test_with_other_arguments_steps_are_gymnasiums_too(identifier: str, arguments: dict[str, Any]):
    play(Twins(identifier, **arguments), 25)


@pytest.mark.parametrize("identifier", IDS)
def test_every_argument_is_tried_with_another_value(identifier: str):
    creator = gymnasium.envs.registration.load_env_creator(str(gymnasium.spec(identifier).entry_point))
    known = set(inspect.signature(creator).parameters) - {"default_camera_config", "kwargs", "xml_file"}
    assert known <= {name for other, given in CHANGED for name in given if other == identifier} | COMMON[identifier]


COMMON = {  # Arguments that two environments read with the same code, and that are tried for the other one
    "HalfCheetah-v5": set(),
    "Hopper-v5": {"forward_reward_weight", "healthy_angle_range"},
    "Walker2d-v5": {
        *("frame_skip", "ctrl_cost_weight", "healthy_reward", "terminate_when_unhealthy", "reset_noise_scale"),
    },
    "Swimmer-v5": {"forward_reward_weight", "reset_noise_scale"},
    "Ant-v5": {
        *("frame_skip", "forward_reward_weight", "ctrl_cost_weight", "terminate_when_unhealthy", "reset_noise_scale"),
    },
    "Humanoid-v5": {
        *("frame_skip", "forward_reward_weight", "ctrl_cost_weight", "terminate_when_unhealthy", "reset_noise_scale"),
        "healthy_reward",
    },
    "HumanoidStandup-v5": {
        *("ctrl_cost_weight", "reset_noise_scale", "exclude_current_positions_from_observation"),
    },
    "InvertedPendulum-v5": set(),
    "InvertedDoublePendulum-v5": set(),
    "Reacher-v5": set(),
    "Pusher-v5": set(),
}


@pytest.mark.parametrize(
    "identifier, scene, old, new",
    [
        ("Hopper-v5", "hopper.xml", 'gear="200.0"', 'gear="120.0"'),
        ("Ant-v5", "ant.xml", 'timestep="0.01"', 'timestep="0.005"'),
        ("Reacher-v5", "reacher.xml", 'gear="200.0"', 'gear="60.0"'),
    ],
)
def test_a_changed_copy_of_a_scene_takes_the_place_of_gymnasiums(
    identifier: str, scene: str, old: str, new: str, tmp_path: Path
):
    text = (ASSETS / scene).read_text()
    assert old in text
    (tmp_path / "mine.xml").write_text(text.replace(old, new))
    play(Twins(identifier, xml_file=str(tmp_path / "mine.xml")), 25)


DRAWS = 1000


@pytest.mark.parametrize("identifier", IDS)
def test_episodes_start_from_gymnasiums_distribution(identifier: str):
    task = load_class(load_task(f"gymnasium:{identifier}"))
    assert isinstance(task, MujocoTask)
    env, theirs = open_env(task, DRAWS // 4), gymnasium.make(identifier).unwrapped
    ours, drawn, seed = [], [], 0
    for _ in range(4):
        env.reset()
        ours.append(torch.cat([env.physics.qpos, env.physics.qvel], dim=1))
        env.length += 1  # the next reset is then one of the next episodes
    for seed in range(DRAWS):
        theirs.reset(seed=seed)
        data = theirs.data  # type: ignore[attr-defined]
        drawn.append(np.concatenate([data.qpos, data.qvel]))
    a, b = torch.cat(ours).numpy(), np.stack(drawn)
    spread, moving = b.std(axis=0), b.std(axis=0) > 1e-9
    np.testing.assert_allclose(a[:, ~moving], b[:, ~moving], atol=1e-9)
    a, b, spread = a[:, moving], b[:, moving], spread[moving]
    # Standard error of a difference of means, in standard deviations: sqrt(2 / n). Five of them are exceeded by chance
    # once in 1.7 million numbers.
    assert (np.abs(a.mean(axis=0) - b.mean(axis=0)) < 5 * spread * np.sqrt(2 / DRAWS)).all()
    # Likewise of a variance, relative: sqrt(2 (kurtosis - 1) / n); the kurtosis is at most 3, a normal distribution's.
    assert (np.abs(a.var(axis=0) / spread**2 - 1) < 5 * np.sqrt(4 / DRAWS)).all()
    # A uniform distribution has kurtosis 1.8 and the normal one 3, of which an estimate has the error sqrt(24 / n).
    assert (np.abs(kurtosis(a) - kurtosis(b)) < 5 * np.sqrt(2 * 24 / DRAWS)).all()
    flat = kurtosis(b) < 2.2
    # The extremes of n uniform numbers are within 14 / n of the width from its ends, but for exp(-14) of cases.
    for of in (np.min, np.max):
        assert (np.abs(of(a, axis=0) - of(b, axis=0)) < 14 / DRAWS * np.ptp(b, axis=0) * 1.1)[flat].all()


def kurtosis(x: np.ndarray) -> np.ndarray:
    away = x - x.mean(axis=0)
    return (away**4).mean(axis=0) / (away**2).mean(axis=0) ** 2


def test_places_of_targets_and_objects_are_gymnasiums():
    reacher, pusher = (load_class(load_task(f"gymnasium:{name}-v5")) for name in ("Reacher", "Pusher"))
    env = open_env(reacher, 1000)  # type: ignore[arg-type]
    env.reset()
    away = env.physics.qpos[:, -2:].norm(dim=-1)
    # Uniform in a disc of 0.2 m: the share within r is (r / 0.2)^2, each with an error of at most 0.016.
    for radius in (0.05, 0.1, 0.15):
        assert abs((away < radius).double().mean() - (radius / 0.2) ** 2) < 0.08
    assert away.max() < 0.2
    env = open_env(pusher, 1000)  # type: ignore[arg-type]
    env.reset()
    place = env.physics.qpos[:, -4:-2]
    assert place.norm(dim=-1).min() > 0.17
    assert (place[:, 0] <= 0).all() and (place[:, 0] >= -0.3).all() and (place[:, 1].abs() <= 0.2).all()
