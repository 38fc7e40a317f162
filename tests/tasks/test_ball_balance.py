"""The task ball_balance, against numbers worked out by hand."""

import math
from types import SimpleNamespace

import mujoco
import pytest
import torch
from support.bench import Bench, bench_of

from eureka.task import Episode


@pytest.fixture(scope="module")
def bench() -> Bench:
    return bench_of("ball_balance")


def states(bench: Bench, **values: list[list[float]]):
    count = len(next(iter(values.values())))
    blank = {name: torch.zeros(count, *value.shape[1:]) for name, value in bench.states.items()}
    return bench.task.State(**(blank | {name: torch.tensor(v) for name, v in values.items()}))


def settled(bench: Bench, ball: list[float], seconds: float = 1.0) -> mujoco.MjData:
    data = mujoco.MjData(bench.model)
    data.qpos[13:16] = ball
    for _ in range(round(seconds / bench.model.opt.timestep)):
        mujoco.mj_step(bench.model, data)
    return data


def test_an_episode_ends_when_the_ball_is_lower_than_15_cm(bench: Bench):
    state = states(bench, ball_position=[[0.0, 0.0, 0.669], [0.9, 0.0, 0.151], [0.9, 0.0, 0.149], [5.0, 0.0, 0.2]])
    assert bench.task.terminated(state, None).tolist() == [False, False, True, False]


def test_fitness_is_the_number_of_steps(bench: Bench):
    for length in (1, 37, 500):
        assert bench.task.fitness(Episode(torch.tensor([length]), {}, {}, {})).tolist() == [float(length)]


def test_a_ball_dropped_beside_the_tray_scores_the_steps_of_its_fall(bench: Bench):
    env = bench.env(1, 2)
    env.reset()
    env.physics.qpos[0, 13:16] = torch.tensor([2.0, 0.0, 1.0])  # beside the tray
    env.physics.qpos[1, 13:16] = torch.tensor([0.0, 0.0, 0.669])  # at rest on it
    env.physics.qvel[:] = 0.0
    for _ in range(60):
        step = env.step(torch.zeros(1, 2, 3))
        if step.terminated[0, 0]:
            break
    # 0.85 m take sqrt(2 * 0.85 / 9.81) = 0.4163 s; the 42nd step ends at 0.42 s
    assert step.fitness[0, 0] == 42.0 and step.length[0].tolist() == [42, 42]
    assert not step.terminated[0, 1]


def test_the_human_reward_is_isaacgymenvs_formula(bench: Bench):
    state = {
        "ball_position": torch.tensor([[0.0, 0.0, 0.7], [0.3, 0.4, 0.7], [0.0, 0.0, 1.7]]),
        "ball_velocity": torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 3.0, -4.0]]),
    }
    human, sparse = (bench.baseline(name, 3) for name in ("human", "sparse"))
    total = human(*[state[name] for name in human.inputs])[0]
    # at the point and still: 1;  0.5 m off: 1 / 1.5;  1 m over it at 5 m/s: 1/2 * 1/6
    assert torch.allclose(total, torch.tensor([1.0, 2 / 3, 1 / 12]))
    assert sparse(*[state[name] for name in sparse.inputs])[0].tolist() == [1.0, 1.0, 1.0]


def test_the_ball_starts_within_its_published_ranges(bench: Bench):
    env = bench.env(1, 1000)
    env.reset()
    place, velocity = env.physics.qpos[:, 13:16], env.physics.qvel[:, 12:18]
    distance, speed = place[:, :2].norm(dim=-1), velocity[:, :2].norm(dim=-1)
    assert distance.min() < 0.01 and 0.495 < distance.max() <= 0.5
    assert 1.0 <= place[:, 2].min() < 1.01 and 1.99 < place[:, 2].max() <= 2.0
    assert (velocity[:, 2] == -5.0).all() and (velocity[:, 3:] == 0.0).all()
    assert (speed <= 5.0 * (distance - 0.001) / 0.499 + 1e-5).all() and speed.max() > 4.5
    towards = -(place[:, :2] * velocity[:, :2]).sum(-1)
    assert torch.allclose(towards, distance * speed, atol=1e-5), "straight towards the middle"
    assert place[:, :2].mean(dim=0).abs().max() < 0.03, "from all sides"
    initial = torch.tensor(bench.model.qpos0[:13])
    assert torch.allclose(env.physics.qpos[:, :13], initial.expand(1000, 13), atol=1e-7)
    assert (env.physics.qvel[:, :12] == 0.0).all()


def test_actions_move_the_knees_targets_by_a_fifth_of_a_radian(bench: Bench):
    env = bench.env(1, 1)
    env.reset()
    action = torch.tensor([[[1.0, -0.5, 0.0]]])
    for count in (1, 2, 20):
        while env.length < count:
            env.step(action)
        expected = [0.2 * count, -0.1 * count, 0.0] if count < 20 else [math.pi / 2, math.radians(-70), 0.0]
        assert env.physics.ctrl[0].tolist() == pytest.approx(expected, abs=1e-5)
    knees = [float(env.physics.qpos[0, bench.model.joint(f"knee{i}").qposadr[0]]) for i in range(3)]
    assert knees[0] > 0.4 and knees[1] < -0.4 and abs(knees[2]) < 0.25, "leg 0 stretches, leg 1 folds"


def test_the_scene_has_the_published_figures(bench: Bench):
    m = bench.model
    # tray: pi 0.5^2 0.02 * 100;  link: (pi 0.02^2 0.36 + 4/3 pi 0.02^3) * 1000;  ball: 4/3 pi 0.1^3 * 200
    assert m.body("tray").mass[0] == pytest.approx(1.5708, rel=1e-4)
    for i in range(3):
        assert m.body(f"upper{i}").mass[0] == m.body(f"lower{i}").mass[0] == pytest.approx(0.48590, rel=1e-4)
        assert m.joint(f"hip{i}").range.tolist() == pytest.approx([-math.pi / 4, math.pi / 4])
        assert m.joint(f"knee{i}").range.tolist() == pytest.approx([math.radians(-70), math.pi / 2])
    assert m.body("ball").mass[0] == pytest.approx(0.83776, rel=1e-4)
    assert (m.nq, m.nv, m.nu) == (20, 18, 3)
    data = mujoco.MjData(m)
    mujoco.mj_forward(m, data)
    assert data.body("tray").xpos[2] == pytest.approx(0.36 * math.sqrt(2) + 0.05)
    for i in range(3):
        angle = 2 * math.pi * i / 3
        around = [math.cos(angle), math.sin(angle)]
        assert data.site(f"foot{i}").xpos == pytest.approx([0.4 * around[0], 0.4 * around[1], 0.02], abs=1e-9)
        knee = 0.4 - 0.36 / math.sqrt(2)
        assert data.body(f"lower{i}").xpos[:2] == pytest.approx([knee * around[0], knee * around[1]], abs=1e-9)


def test_a_resting_ball_lies_on_a_tray_that_carries_it(bench: Bench):
    data = settled(bench, [0.0, 0.0, 0.669])
    assert data.qpos[13:16] == pytest.approx([0.0, 0.0, 0.669], abs=0.005)
    sim = SimpleNamespace(
        qpos=torch.tensor(data.qpos)[None],
        qvel=torch.tensor(data.qvel)[None],
        sensordata=torch.tensor(data.sensordata)[None],
    )
    state = bench.task.state(sim, None, torch.zeros(1, 3), torch.zeros(1, 3))
    weight = 9.81 * (1.5708 + 0.83776)  # N, of tray and ball; the legs' own is below their attachments
    assert state.leg_force[0, :, 2].tolist() == pytest.approx([weight / 3] * 3, rel=1e-3), "legs push the tray up"
    # their sideways pulls cancel
    assert torch.allclose(state.leg_force[0, 0], state.leg_force[0, 1], atol=1e-4)
    assert state.leg_torque.abs().max() < 1e-4 and state.tray_normal[0].tolist() == pytest.approx([0, 0, 1], abs=1e-6)


def test_the_state_is_that_of_the_simulator(bench: Bench):
    env = bench.env(1, 4)
    env.reset()
    seen, chance = [], torch.Generator().manual_seed(0)
    for _ in range(12):  # the ball needs 15 to be lost
        seen.clear()
        action = 2 * torch.rand(1, 4, 3, generator=chance) - 1
        env.step(action, lambda state: (seen.append(state), torch.zeros(1, 4))[1])
    (last,), physics, m = seen, env.physics, bench.model
    assert torch.equal(last["ball_position"], physics.xpos[:, m.body("ball").id].float())
    assert torch.equal(last["tray_position"], physics.xpos[:, m.body("tray").id].float())
    for i in range(3):
        for name in ("hip", "knee"):
            joint = m.joint(f"{name}{i}")
            assert torch.equal(last[f"{name}_angle"][:, i], physics.qpos[:, joint.qposadr[0]].float())
            assert torch.equal(last[f"{name}_velocity"][:, i], physics.qvel[:, joint.dofadr[0]].float())
    assert torch.equal(last["ball_velocity"], physics.qvel[:, m.joint("ball").dofadr[0] :][:, :3].float())
    rim = [physics.site_xpos[:, m.site(f"mount{i}").id].float() for i in range(3)]
    normal = torch.linalg.cross(rim[1] - rim[0], rim[2] - rim[0])
    assert torch.allclose(last["tray_normal"], normal / normal.norm(dim=-1, keepdim=True), atol=1e-5)


def test_forces_are_0_when_an_episode_begins(bench: Bench):
    env = bench.env(1, 2)
    env.reset()
    for _ in range(20):
        env.step(torch.ones(1, 2, 3))
    assert env.physics.sensordata.abs().max() > 1.0
    env.physics.qpos[0, 15] = 0.1  # the ball of world 0 is lost
    step = env.step(torch.ones(1, 2, 3))
    assert step.terminated[0].tolist() == [True, False]
    assert (step.observation[0, 0, 12:] == 0).all() and step.observation[0, 1, 12:].abs().max() > 0


def test_the_policy_sees_24_bounded_numbers_in_order(bench: Bench):
    state = states(
        bench,
        knee_angle=[[0.1, 0.2, 0.3]],
        knee_velocity=[[1.0, 2.0, 50.0]],
        ball_position=[[0.4, 0.5, 0.6]],
        ball_velocity=[[1.0, 2.0, -7.0]],
        leg_force=[[[20.0, 0, 0], [40.0, 0, 0], [60.0, 0, 0]]],
        leg_torque=[[[2.0, 4.0, 6.0], [0, 0, 0], [0, 0, 200.0]]],
    )
    expected = [0.1, 0.2, 0.3, 0.2, 0.4, 5.0, 0.4, 0.5, 0.6, 1.0, 2.0, -5.0, 1, 2, 3, 0.1, 0, 0, 0.2, 0, 0, 0.3, 0, 5.0]
    assert bench.task.observe(state)[0].tolist() == pytest.approx(expected)


def test_the_feet_stay_where_they_are_hinged(bench: Bench):
    env = bench.env(1, 32)
    env.reset()
    feet = [bench.model.site(f"foot{i}").id for i in range(3)]
    home, chance = env.physics.site_xpos[0, feet].clone(), torch.Generator().manual_seed(0)
    farthest = 0.0
    for _ in range(100):
        env.step(2 * torch.rand(1, 32, 3, generator=chance) - 1)
        farthest = max(farthest, float((env.physics.site_xpos[:, feet] - home).norm(dim=-1).max()))
    assert 0.0 < farthest < 0.05
    assert env.physics.warnings() == {}


def test_a_spin_of_the_free_ball_decays_at_half_a_second_inverse(bench: Bench):
    data = mujoco.MjData(bench.model)
    data.qpos[13:16] = [0.0, 0.0, 50.0]
    data.qvel[15] = 10.0
    for _ in range(200):
        mujoco.mj_step(bench.model, data)
    assert data.qvel[15] == pytest.approx(10.0 * math.exp(-0.5), rel=0.01)
    assert data.qvel[14] == pytest.approx(-9.81, rel=0.002), "and does not slow its fall"
