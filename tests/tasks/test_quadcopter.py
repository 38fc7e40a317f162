"""The task quadcopter, against numbers worked out by hand."""

import math

import mujoco
import numpy as np
import pytest
import torch
from support.bench import Bench, bench_of

from eureka.task import Episode

LEVEL = [1.0, 0.0, 0.0, 0.0]


@pytest.fixture(scope="module")
def bench() -> Bench:
    return bench_of("quadcopter")


def states(bench: Bench, **values: list[list[float]]):
    count = len(next(iter(values.values())))
    blank = {name: torch.zeros(count, *value.shape[1:]) for name, value in bench.states.items()}
    blank["target_position"] = torch.tensor([[0.0, 0.0, 1.0]]).expand(count, 3)
    return bench.task.State(**(blank | {name: torch.tensor(v) for name, v in values.items()}))


def memory_of(bench: Bench, step: int, worlds: int):
    kind = type(bench.task.start(bench.env(1, 1).physics, torch.ones(1, dtype=torch.bool), _Still(), None))
    return kind(torch.zeros(worlds, 8), torch.zeros(worlds, 4), torch.full((worlds,), step))


class _Still:
    def uniform(self, stream, *shape, low=0.0, high=1.0):
        return torch.zeros(1, *shape)


def test_an_episode_ends_3_m_away_or_near_the_ground(bench: Bench):
    places = [[0.0, 0.0, 1.0], [0.0, 2.9, 1.0], [1.8, 0.0, 3.5], [0.0, 0.0, 0.31], [1.0, 1.0, 0.29]]
    # 0;  2.9;  sqrt(1.8^2 + 2.5^2) = 3.08;  0.31 m high;  0.29 m high
    state = states(bench, position=places)
    assert bench.task.terminated(state, None).tolist() == [False, False, True, False, True]


def test_fitness_is_the_mean_distance_of_the_last_100_steps(bench: Bench):
    total = {"late_steps": torch.zeros(3), "late_distance": torch.zeros(3)}
    for step in range(1, 501):
        # world 0 hovers 0.5 m off;  1 comes to the target at step 451;  2 is 2 m off and lost after step 440
        place = [[0.3, 0.4, 1.0], [0.0, 0.0, 1.0 if step > 450 else 2.0], [0.0, 2.0, 1.0]]
        now = bench.task.measure(states(bench, position=place), memory_of(bench, step, 3))
        for name in total:
            total[name] = total[name] + now[name] * torch.tensor([1.0, 1.0, float(step <= 440)])
    fitness = bench.task.fitness(Episode(torch.tensor([500, 500, 440]), total, total, total))
    # -0.5;  -(50 * 1 + 50 * 0) / 100;  -(40 * 2 + 60 * 3) / 100
    assert fitness.tolist() == pytest.approx([-0.5, -0.5, -2.6], abs=1e-5)


def test_an_episode_that_ends_early_scores_minus_3(bench: Bench):
    env = bench.env(1, 2)
    env.reset()
    for _ in range(200):  # without thrust it falls, from 2.5 m in at most 0.67 s
        step = env.step(torch.zeros(1, 2, 12))
        over = step.terminated
        assert (step.fitness[over] == -3.0).all() and (step.length[over] <= 68).all()
    assert int(env.episode.min()) >= 2


def test_the_human_reward_is_isaacgymenvs_formula(bench: Bench):
    state = {
        "position": torch.tensor([[0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [0.0, 0.0, 3.0]]),
        "target_position": torch.tensor([[0.0, 0.0, 1.0]] * 3),
        "up": torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]]),
        "angular_velocity": torch.tensor([[5.0, 5.0, 0.0], [0.0, 0.0, 2.0], [0.0, 0.0, -3.0]]),
    }
    human, sparse = (bench.baseline(name, 3) for name in ("human", "sparse"))
    total = human(*[state[name] for name in human.inputs])[0]
    # 3;  P = 1/2, U = 1/2, S = 1/5: 1/2 (1 + 0.7);  P = 1/5, U = 1/5, S = 1/10: 1/5 (1 + 0.3)
    assert torch.allclose(total, torch.tensor([3.0, 0.85, 0.26]))
    # 3 m minus 0, 1 and 2 m
    assert sparse(*[state[name] for name in sparse.inputs])[0].tolist() == [3.0, 2.0, 1.0]


def test_the_start_is_within_its_published_ranges(bench: Bench):
    env = bench.env(1, 1000)
    env.reset()
    place, tilt = env.physics.qpos[:, :3], env.physics.qpos[:, 7:]
    for axis, low, high in ((0, -1.5, 1.5), (1, -1.5, 1.5), (2, 0.8, 2.5)):
        assert low <= place[:, axis].min() < low + 0.02 and high - 0.02 < place[:, axis].max() <= high + 1e-6
    assert -0.2 <= tilt.min() < -0.199 and 0.199 < tilt.max() <= 0.2 + 1e-6
    assert (env.physics.qpos[:, 3:7] == torch.tensor(LEVEL)).all() and (env.physics.qvel == 0).all()
    assert torch.equal(env.memory.tilt_target, tilt.float()) and (env.memory.thrust == 0).all()


def test_actions_move_tilts_by_a_quarter_of_a_radian_and_thrusts_by_2_newtons(bench: Bench):
    env = bench.env(1, 1)
    env.reset()
    before = env.memory.tilt_target[0].clone()
    action = torch.tensor([[[0.5] + 7 * [-0.2] + [0.25, -1.0, 1.0, 0.0]]])
    env.step(action)
    moved = env.physics.ctrl[0]
    assert (moved[:8] - before).tolist() == pytest.approx([0.04 * math.pi] + 7 * [-0.016 * math.pi], abs=1e-5)
    assert moved[8:].tolist() == pytest.approx([0.5, 0.0, 2.0, 0.0], abs=1e-6)
    for _ in range(20):
        env.step(action)
    assert env.physics.ctrl[0, :8].tolist() == pytest.approx([math.pi / 6] + 7 * [-math.pi / 6], abs=1e-6)
    assert env.physics.ctrl[0, 8:].tolist() == pytest.approx([2.0, 0.0, 2.0, 0.0], abs=1e-6)


def test_tilts_are_at_their_targets_within_three_control_steps(bench: Bench):
    data = mujoco.MjData(bench.model)
    data.ctrl[:2] = 0.4
    for _ in range(6):
        mujoco.mj_step(bench.model, data)
    assert data.qpos[7:9] == pytest.approx([0.4, 0.4], abs=0.05)


def test_the_scene_has_the_published_figures(bench: Bench):
    m = bench.model
    # chassis: pi 0.1^2 0.03 * 50;  arm: 4/3 pi 0.01^3 * 200;  rotor: pi 0.04^2 0.01 * 1000
    assert m.body("chassis").mass[0] == pytest.approx(0.047124, rel=1e-4)
    for i, (x, y) in enumerate(((1, 1), (-1, 1), (-1, -1), (1, -1))):
        assert m.body(f"arm{i}").mass[0] == pytest.approx(0.00083776, rel=1e-4)
        assert m.body(f"rotor{i}").mass[0] == pytest.approx(0.050265, rel=1e-4)
        data = mujoco.MjData(m)
        mujoco.mj_forward(m, data)
        place = data.body(f"rotor{i}").xpos - data.body("chassis").xpos
        assert place == pytest.approx([x * 0.145 / math.sqrt(2), y * 0.145 / math.sqrt(2), 0.0], abs=1e-9)
        for joint, axis in (("pitch", [0, 1, 0]), ("roll", [1, 0, 0])):
            assert m.joint(f"{joint}{i}").axis.tolist() == axis
            assert m.joint(f"{joint}{i}").range.tolist() == pytest.approx([-math.pi / 6, math.pi / 6])
    assert m.body_mass.sum() == pytest.approx(0.25154, rel=1e-4)
    assert (m.nq, m.nv, m.nu) == (15, 14, 12)


def test_it_hovers_at_its_weight(bench: Bench):
    data = mujoco.MjData(bench.model)
    data.ctrl[8:] = 0.6169  # 0.25154 * 9.81 / 4
    for _ in range(200):
        mujoco.mj_step(bench.model, data)
    assert data.qpos[:3] == pytest.approx([0.0, 0.0, 1.0], abs=0.002)
    assert abs(data.qpos[3]) == pytest.approx(1.0, abs=1e-6)


def test_the_state_is_that_of_the_simulator(bench: Bench):
    env = bench.env(1, 4)
    env.reset()
    seen, chance = [], torch.Generator().manual_seed(0)
    for _ in range(25):
        seen.clear()
        action = 2 * torch.rand(1, 4, 12, generator=chance) - 1
        env.step(action, lambda state: (seen.append(state), torch.zeros(1, 4))[1])
    (last,), physics, m = seen, env.physics, bench.model
    for i in range(4):
        data = mujoco.MjData(m)
        data.qpos[:], data.qvel[:] = physics.qpos[i].numpy(), physics.qvel[i].numpy()
        mujoco.mj_forward(m, data)
        buffer = np.zeros(6)
        mujoco.mj_objectVelocity(m, data, mujoco.mjtObj.mjOBJ_XBODY, m.body("chassis").id, buffer, 0)
        velocity = buffer.tolist()  # angular, then linear, world frame
        assert last["position"][i].tolist() == pytest.approx(data.body("chassis").xpos.tolist(), abs=1e-5)
        assert last["angular_velocity"][i].tolist() == pytest.approx(velocity[:3], abs=1e-4)
        assert last["linear_velocity"][i].tolist() == pytest.approx(velocity[3:], abs=1e-4)
        assert last["up"][i].tolist() == pytest.approx(data.body("chassis").xmat.reshape(3, 3)[:, 2].tolist(), abs=1e-5)
        names = [f"{joint}{j}" for j in range(4) for joint in ("pitch", "roll")]
        assert last["tilt"][i].tolist() == pytest.approx([float(data.joint(n).qpos[0]) for n in names], abs=1e-5)
        assert last["tilt_velocity"][i].tolist() == pytest.approx(
            [float(data.joint(n).qvel[0]) for n in names], abs=1e-4
        )
    assert torch.allclose(last["thrust"], physics.ctrl[:, 8:].float())
    assert last["angular_velocity"].abs().max() > 1.0


def test_the_policy_sees_21_scaled_numbers(bench: Bench):
    state = states(
        bench,
        position=[[0.3, -0.6, 1.9]],
        rotation=[LEVEL],
        linear_velocity=[[1.0, 2.0, -30.0]],
        angular_velocity=[[math.pi, 0.0, -math.pi / 2]],
        tilt=[[0.1, 0.2, 0.3, 0.4, 0.5, -0.1, -0.2, -0.3]],
    )
    expected = [-0.1, 0.2, -0.3, *LEVEL, 0.5, 1.0, -5.0, 1.0, 0.0, -0.5, *state.tilt[0].tolist()]
    assert bench.task.observe(state)[0].tolist() == pytest.approx(expected, abs=1e-6)


def test_its_spin_is_capped_and_slow_turns_are_left_alone(bench: Bench):
    env = bench.env(1, 2)
    env.reset()
    env.physics.qvel[0, 3:6] = torch.tensor([0.0, 0.0, 40.0])
    env.physics.qvel[1, 3:6] = torch.tensor([0.0, 0.0, 6.0])
    env.step(torch.zeros(1, 2, 12))
    assert env.physics.qvel[0, 5] == pytest.approx(4 * math.pi, rel=0.02)
    assert env.physics.qvel[1, 5] == pytest.approx(6.0, rel=0.02)
