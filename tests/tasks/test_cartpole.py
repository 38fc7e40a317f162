"""The task cartpole, against numbers worked out by hand."""

import math

import mujoco
import torch
from support.bench import Bench

from eureka.task import Episode


def states(bench: Bench, **values: list[float]):
    count = len(next(iter(values.values())))
    zeros = {name: torch.zeros(count) for name in ("cart_position", "cart_velocity", "pole_angle", "pole_velocity")}
    given = {name: torch.tensor(v) for name, v in values.items()}
    action = torch.zeros(count, 1)
    return bench.task.State(**(zeros | given), action=action, last_action=action)


def test_an_episode_ends_beyond_3_m_or_a_right_angle(cartpole: Bench):
    state = states(
        cartpole,
        cart_position=[0.0, 2.99, -3.01, 0.0, 0.0],
        pole_angle=[0.0, 0.0, 0.0, 1.57, -1.58],
    )
    assert cartpole.task.terminated(state, None).tolist() == [False, False, True, False, True]


def test_fitness_is_the_number_of_steps(cartpole: Bench):
    for length in (1, 37, 500):
        episode = Episode(torch.tensor([length]), {}, {}, {})
        assert cartpole.task.fitness(episode).tolist() == [float(length)]


def test_the_force_is_400_newtons_for_a_full_action(cartpole: Bench):
    env = cartpole.env(1, 1)
    env.reset()
    env.step(torch.full((1, 1, 1), 0.5))
    assert env.physics.qfrc_actuator[0, 0] == 200.0


def test_the_scene_has_the_published_masses_and_no_contacts(cartpole: Bench):
    m = cartpole.model
    assert m.body("cart").mass == 1 and m.body("pole").mass == 1
    assert math.isclose(m.body("pole").ipos[2], 0.47)
    assert m.jnt_range[0].tolist() == [-4, 4]
    assert m.opt.disableflags & mujoco.mjtDisableBit.mjDSBL_CONTACT


def test_the_start_is_within_its_published_ranges(cartpole: Bench):
    env = cartpole.env(1, 500)
    position, velocity = env.reset()[0][:, [0, 2]], env.reset()[0][:, [1, 3]]
    assert 0.09 < position.abs().max() <= 0.1 and 0.23 < velocity.abs().max() <= 0.25


def test_the_human_reward_is_isaacgymenvs_formula(cartpole: Bench):
    state = {
        "cart_position": torch.tensor([0.0, 3.5, 0.0, 1.0]),
        "cart_velocity": torch.tensor([2.0, 0.0, 0.0, -1.0]),
        "pole_angle": torch.tensor([0.5, 0.0, 1.6, 0.0]),
        "pole_velocity": torch.tensor([-4.0, 0.0, 0.0, 0.0]),
    }
    program = cartpole.baseline("human", 4)
    total = program(*[state[name] for name in program.inputs])[0]
    # 1 - 0.25 - 0.02 - 0.02 = 0.71;  off the rail: -2;  fallen: -2;  1 - 0.01 = 0.99
    assert torch.allclose(total, torch.tensor([0.71, -2.0, -2.0, 0.99]))


def test_the_sparse_reward_adds_up_to_the_fitness(cartpole: Bench):
    program = cartpole.baseline("sparse", 2)
    assert program(torch.tensor([0.3, 1.0]))[0].tolist() == [1.0, 1.0]


def test_another_task_of_the_same_name_does_not_take_its_documentation(tmp_path):
    import contextlib
    import shutil

    from eureka.config.tasks import load_task
    from eureka.envs.introspection import attribute_docs, load_class

    shipped = load_task("cartpole")
    own = load_class(shipped)
    shutil.copytree(shipped.module.parent, tmp_path / "cartpole")
    shutil.copy(shipped.path, tmp_path)
    copied = tmp_path / "cartpole" / "task.py"
    copied.write_text(copied.read_text().replace("class State:", "class Moment:") + "\n\nMoment = Cartpole.Moment\n")
    copied.write_text(copied.read_text().replace("    State = State\n", ""))
    with contextlib.suppress(Exception):  # it lacks State, which does not matter here
        load_class(load_task(str(tmp_path / "cartpole.yaml")))
    assert "cart_position" in attribute_docs(type(own).State)
