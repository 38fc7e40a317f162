"""Environments by id: they play as gymnasium plays them, seeded by address, and go on exactly from a checkpoint."""

from __future__ import annotations

from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.envs.mujoco import mujoco_env

from eureka.config.tasks import FIELD, EnvironmentFile, load_task
from eureka.envs.gymnasium.env import GymnasiumEnv, GymnasiumTask
from eureka.errors import UserError
from eureka.noise import Noise, world_keys


class Line(gymnasium.Env):
    """A point that moves by its action; ends beyond 2, and remembers in a list, which no checkpoint can hold."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (1,))
    action_space = gymnasium.spaces.Box(-1.0, np.array([3.0], dtype=np.float32))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.way = [float(self.np_random.uniform(0.0, 0.5))]
        return self._seen(), {}

    def step(self, action):
        self.way.append(self.way[-1] + float(action[0]))
        here = self.way[-1]
        if here > 50:
            here = self.way[-1] = float("nan")
        return self._seen(), here, 2 < here < 50, False, {"place": here, "reward_place": here, "word": "x"}

    def _seen(self):
        return np.array(self.way[-1:], dtype=np.float32)


class Exact(Line):
    """The same, with a memory that is a number."""

    def reset(self, *, seed=None, options=None):
        seen, info = super().reset(seed=seed)
        self.here = seen[0]
        return seen, info

    def step(self, action):
        self.way = [float(self.here)]
        *rest, info = super().step(action)
        self.here = rest[0][0]
        return *rest, info


gymnasium.register("EurekaLine-v0", entry_point=Line, max_episode_steps=4)
gymnasium.register("EurekaExact-v0", entry_point=Exact, max_episode_steps=4)
# By another id it is none that runs on batched physics.
gymnasium.register("EurekaAnt-v0", entry_point="gymnasium.envs.mujoco.ant_v5:AntEnv", max_episode_steps=1000)


def by_id(identifier: str, **settings: str) -> GymnasiumTask:
    return GymnasiumTask(EnvironmentFile(name="x", task=f"gymnasium:{identifier}", **settings))


def opened(identifier: str, members: int = 1, worlds: int = 3, **settings: str) -> GymnasiumEnv:
    env = by_id(identifier, **settings).open(torch.zeros(members, dtype=torch.int64), worlds, "test")
    env.reset()
    return env


def test_worlds_play_as_gymnasium_does_from_the_seed_of_their_episode():
    env = opened("Hopper-v5", worlds=2)
    seeds = Noise(world_keys(torch.zeros(1, dtype=torch.int64), 2), torch.zeros(2, dtype=torch.int64))
    seed = int(seeds.integers("test/start", 1)[1, 0] & 0x7FFFFFFF)
    twin = gymnasium.make("Hopper-v5")
    seen, _ = twin.reset(seed=seed)
    assert torch.equal(env.observation[0, 1], torch.tensor(seen, dtype=torch.float32))
    total, ended = 0.0, False
    chance = np.random.default_rng(0)
    while not ended:
        action = chance.uniform(-1, 1, 3).astype(np.float32)
        seen, reward, ended, _, _ = twin.step(action)
        total += float(reward)
        step = env.step(torch.from_numpy(action).expand(1, 2, 3))
    assert step.terminated[0, 1] and not step.timed_out[0, 1]
    assert step.fitness[0, 1].item() == pytest.approx(total, rel=1e-6), "the undiscounted return"
    assert torch.equal(step.terminal_observation[0, 1], torch.tensor(seen, dtype=torch.float32))
    assert env.length[1] == 0 and env.episode[1] == 1
    assert not torch.equal(step.observation[0, 1], step.terminal_observation[0, 1]), "begun anew in the same step"


def test_members_with_equal_seeds_meet_equal_worlds_whatever_the_populations_cut():
    both, alone = opened("Hopper-v5", members=2), opened("Hopper-v5", members=1)
    action = torch.linspace(-1, 1, 9).reshape(1, 3, 3)
    for _ in range(30):
        together, single = both.step(action.expand(2, 3, 3)), alone.step(action)
        assert torch.equal(together.observation[0], together.observation[1])
        assert torch.equal(together.observation[0], single.observation[0])
    assert len(set(both.observation[0, :, 0].tolist())) == 3, "but the worlds of a member differ"


def test_actions_are_scaled_to_the_environments_box_and_episodes_cut_at_its_limit():
    env = opened("EurekaLine-v0")
    start = env.observation[..., 0].clone()
    step = env.step(torch.full((1, 3, 1), -0.5))  # a quarter of the way from -1 to 3
    assert torch.allclose(step.observation[..., 0], start)
    steps = [env.step(torch.full((1, 3, 1), -0.5)) for _ in range(3)]
    assert [bool(s.timed_out.all()) for s in steps] == [False, False, True]
    assert not steps[-1].terminated.any() and steps[-1].length.tolist() == [[4, 4, 4]]
    assert torch.allclose(steps[-1].fitness[0], 4 * start[0], atol=1e-5), "the place, summed over four steps"


def test_a_fitness_of_info_is_its_value_as_the_episode_ends():
    env = opened("EurekaLine-v0", fitness="info.place")
    start = env.observation[0, :, 0].clone()
    step = env.step(torch.full((1, 3, 1), 1.0))
    assert step.terminated.all() and torch.allclose(step.fitness[0], start + 3, atol=1e-5)
    with pytest.raises(UserError, match=r"has no info\.plaice; it has info\.place, info\.reward_place"):
        by_id("EurekaLine-v0", fitness="info.plaice")


def test_a_world_that_is_no_longer_finite_has_diverged_and_earns_nothing():
    env = opened("EurekaExact-v0", worlds=1)
    env.envs[0].unwrapped.here = 60.0
    seen: dict[str, torch.Tensor] = {}
    step = env.step(torch.zeros(1, 1, 1), lambda fields: (seen.update(fields), torch.ones(1, 1))[1])
    assert all(value.isfinite().all() for value in seen.values()), "a reward sees no NaN that it did not make"
    assert step.terminated.all() and env.diverged.tolist() == [1]
    assert step.reward.tolist() == [[0.0]] and step.fitness.tolist() == [[0.0]]
    assert torch.isfinite(step.observation).all() and torch.isfinite(step.terminal_observation).all()


def test_what_gives_the_environments_reward_away_is_no_field_for_a_reward():
    env = opened("EurekaLine-v0", worlds=1)
    seen: dict[str, torch.Tensor] = {}
    env.step(torch.ones(1, 1, 1), lambda fields: (seen.update(fields), torch.zeros(1, 1))[1])
    assert set(seen) == {"observation", "action", "last_action", "info_place", FIELD}
    assert not FIELD.isidentifier(), "so no argument can ask for it"
    assert [f.name for f in env.task.fields] == ["info_place"]


@pytest.mark.parametrize(
    "identifier", [s.id for s in gymnasium.registry.values() if "envs.mujoco" in str(s.entry_point) and s.version == 5]
)
def test_of_the_info_of_gymnasiums_robots_a_reward_is_told_where_they_are_and_how_fast(identifier: str):
    told = {field.index for field in by_id(identifier).fields if field.source == "info"}
    places = {"x_position", "y_position", "distance_from_origin", "z_distance_from_origin"}
    assert told <= places | {"x_velocity", "y_velocity"}


@pytest.mark.parametrize("identifier", ["Hopper-v5", "Humanoid-v5", "Pusher-v5", "Pendulum-v1", "EurekaExact-v0"])
def test_an_environment_that_can_be_saved_goes_on_exactly(identifier: str):
    a = opened(identifier, members=2, worlds=2)
    assert a.task.exact
    chance = torch.Generator().manual_seed(0)
    actions = [torch.rand(2, 2, a.task.action_size, generator=chance) * 2 - 1 for _ in range(40)]
    for action in actions[:7]:
        a.step(action)
    b = a.task.open(torch.zeros(2, dtype=torch.int64), 2, "test")
    b.load({k: v.clone() for k, v in a.save().items()})
    for action in actions[7:]:
        fields: list[dict[str, torch.Tensor]] = [{}, {}]
        x, y = (
            e.step(action, lambda found, into=into: (into.update(found), torch.zeros(2, 2))[1])
            for e, into in zip((a, b), fields, strict=True)
        )
        assert torch.equal(x.observation, y.observation) and torch.equal(x.fitness, y.fitness)
        assert torch.equal(x.terminated, y.terminated) and torch.equal(x.length, y.length)
        assert all(torch.equal(value, fields[1][name]) for name, value in fields[0].items())


def test_an_environment_that_cannot_be_saved_begins_the_next_episodes():
    a = opened("EurekaLine-v0")
    assert not a.task.exact
    first = a.observation.clone()
    a.step(torch.full((1, 3, 1), -0.5))
    saved = a.save()
    assert not any(name.startswith("state/") for name in saved)
    b = a.task.open(torch.zeros(1, dtype=torch.int64), 3, "test")
    b.load(saved)
    assert b.length.tolist() == [0, 0, 0] and b.episode.tolist() == [1, 1, 1]
    assert not torch.equal(b.observation, first)


def test_fields_of_joints_and_bodies_are_those_of_the_model():
    env = opened("HalfCheetah-v5", worlds=2)
    seen: dict[str, torch.Tensor] = {}
    for _ in range(5):
        env.step(torch.full((1, 2, 6), 0.7), lambda fields: (seen.update(fields), torch.zeros(1, 2))[1])
    own = env.envs[1].unwrapped
    # This model has a joint and a body of the same name.
    assert seen["bthigh_joint_position"][1] == pytest.approx(own.data.joint("bthigh").qpos[0], rel=1e-6)
    assert seen["rootx_velocity"][1] == pytest.approx(own.data.joint("rootx").qvel[0], rel=1e-6)
    assert seen["torso_position"][1].tolist() == pytest.approx(own.data.body("torso").xpos.tolist(), rel=1e-5)
    assert seen["bthigh_rotation"][1].norm().item() == pytest.approx(1.0, rel=1e-5)
    assert seen["info_x_velocity"].shape == (2,)


def test_the_velocity_of_a_body_is_how_fast_its_origin_moves():
    import mujoco

    env = opened("Ant-v5", worlds=1)
    own = env.envs[0].unwrapped
    for _ in range(5):
        env.step(torch.full((1, 1, 8), 0.7))
    mujoco.mj_forward(own.model, own.data)
    fields = env._reader.read(env.observation[0], {key: torch.zeros(1) for key in env.task.keys})
    expected = np.zeros(6)
    body = own.model.body("aux_2").id
    mujoco.mj_objectVelocity(own.model, own.data, mujoco.mjtObj.mjOBJ_XBODY, body, expected, 0)
    assert fields["aux_2_angular_velocity"][0].tolist() == pytest.approx(expected[:3].tolist(), abs=1e-4)
    assert fields["aux_2_linear_velocity"][0].tolist() == pytest.approx(expected[3:].tolist(), abs=1e-4)


@pytest.mark.parametrize(
    "identifier, expected",
    [
        ("Hoper-v5", "no environment gymnasium:Hoper-v5; did you mean gymnasium:Hopper-v5"),
        ("FetchReech-v4", "did you mean gymnasium:gymnasium_robotics:FetchReach-v4"),
        ("gymnasium_robotics:FetchReech-v4", "did you mean gymnasium:gymnasium_robotics:FetchReach-v4"),
        ("gymnasium_robotics:FetchReach-v4", r"AssertionError: assert joint_type .*mujoco_utils.py, line \d+"),
        ("no_such_package_here:X-v0", "Python package 'no_such_package_here' not found"),
        ("EurekaImage-v0", r"observes images \(64, 64, 3\)"),
        ("EurekaBroken-v0", "cannot be made: ValueError: no such robot"),
    ],
)
def test_what_cannot_be_used_is_answered_in_one_sentence(identifier: str, expected: str):
    with pytest.raises(UserError, match=expected):
        by_id(identifier)


class Image(Line):
    observation_space = gymnasium.spaces.Box(0, 255, (64, 64, 3), dtype=np.uint8)


class Broken(Line):
    def __init__(self):
        raise ValueError("no such robot")


gymnasium.register("EurekaImage-v0", entry_point=Image)
gymnasium.register("EurekaBroken-v0", entry_point=Broken)


def test_an_id_alone_makes_a_task_with_general_sizes(tmp_path, monkeypatch):
    loaded = load_task("gymnasium:Pendulum-v1")
    assert loaded.file.name == "pendulum_v1" and loaded.sources() == [] and loaded.baselines == ("environment",)
    assert list(loaded.file.presets) == ["cpu"]
    with pytest.raises(UserError, match="is not an environment"):
        load_task("gymnasium:")


def test_a_yaml_may_say_more_of_an_environment(tmp_path):
    yaml = tmp_path / "hop.yaml"
    yaml.write_text("task: gymnasium:Pendulum-v1\ndescription: swing up\nfitness: info.height\n")
    loaded = load_task(str(yaml))
    assert loaded.sources() == [yaml] and loaded.file.name == "pendulum_v1"
    assert isinstance(loaded.file, EnvironmentFile) and loaded.file.fitness == "info.height"
    yaml.write_text("task: gymnasium:Hopper-v5\nfitnes: return\n")
    with pytest.raises(UserError, match=r"line 2: unknown key 'fitnes' \(did you mean 'fitness'"):
        load_task(str(yaml))
    yaml.write_text("task: gymnasium:Hopper-v5\nfitness: x_position\n")
    with pytest.raises(UserError, match=r"line 2: fitness: give return .* or info.KEY .*, not 'x_position'"):
        load_task(str(yaml))
    yaml.write_text("task: gymnasium:Pendulum-v1\nfitness: -info.height\n")
    loaded = load_task(str(yaml))
    assert isinstance(loaded.file, EnvironmentFile)
    assert (loaded.file.fitness_key, loaded.file.fitness_sign) == ("height", -1.0)


def test_arguments_of_an_environment_come_from_the_yaml_with_paths_beside_it(tmp_path):
    own = Path(mujoco_env.__file__).parent / "assets" / "ant.xml"
    (tmp_path / "long.xml").write_text(own.read_text().replace('timestep="0.01"', 'timestep="0.005"'))
    yaml = tmp_path / "ant.yaml"
    yaml.write_text(
        "task: gymnasium:EurekaAnt-v0\nkwargs: {xml_file: ./long.xml, frame_skip: 4, max_episode_steps: 7, "
        "include_cfrc_ext_in_observation: false}\n"
    )
    loaded = load_task(str(yaml))
    assert loaded.sources() == [yaml, tmp_path / "long.xml"], "which a run records, and a resumed one checks"
    assert isinstance(loaded.file, EnvironmentFile)
    task = GymnasiumTask(loaded.file)
    assert (task.horizon, task.limited, task.observation_size) == (7, True, 27)
    env = task.open(torch.zeros(1, dtype=torch.int64), 1, "test")
    assert env.envs[0].unwrapped.dt == pytest.approx(0.02)
    yaml.write_text("task: gymnasium:EurekaAnt-v0\nkwargs: {xml_fil: ./long.xml}\n")
    with pytest.raises(
        UserError, match=r"EurekaAnt-v0 cannot be made: TypeError: .*'xml_fil'.*the key kwargs: of a task"
    ):
        GymnasiumTask(load_task(str(yaml)).file)
    yaml.write_text("task: gymnasium:EurekaAnt-v0\nkwargs: {xml_file: ../missing.xml, n: " + "x" * 5000 + "}\n")
    assert load_task(str(yaml)).file.kwargs["xml_file"] == str(tmp_path.parent / "missing.xml")
