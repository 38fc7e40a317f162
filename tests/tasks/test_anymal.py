"""The task anymal, against numbers worked out by hand."""

import math

import mujoco
import pytest
import torch
from support.bench import Bench, bench_of

from eureka.rotation import rotate
from eureka.task import Episode

DEFAULT = [0.03, 0.4, -0.8, 0.03, -0.4, 0.8, -0.03, 0.4, -0.8, -0.03, -0.4, 0.8]


@pytest.fixture(scope="module")
def bench() -> Bench:
    return bench_of("anymal")


def states(bench: Bench, **values: list):
    count = len(next(iter(values.values())))
    fields = {name: torch.zeros(count, *value.shape[1:]) for name, value in bench.states.items()}
    return bench.task.State(**(fields | {name: torch.tensor(v) for name, v in values.items()}))


def seen_at_play(bench: Bench, worlds: int, steps: int, action: torch.Tensor):
    env = bench.env(1, worlds)
    env.reset()
    seen = []
    for _ in range(steps):
        env.step(action.expand(1, worlds, 12), lambda state: (seen.append(state), torch.zeros(1, worlds))[1])
    return env, seen[-1]


def test_the_error_is_the_squared_difference_of_two_speeds_and_the_yaw_rate(bench: Bench):
    state = states(
        bench,
        base_linear_velocity=[[1.0, 0.5, 9.0], [0.0, 0.0, 0.0], [2.0, -1.0, 0.0]],
        base_angular_velocity=[[7.0, 7.0, 0.5], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]],
        command=[[2.0, 0.0, -0.5], [2.0, -1.0, 1.0], [2.0, -1.0, 1.0]],
    )
    # 1 + 0.25 + 1;  4 + 1 + 1;  perfect
    assert bench.task.measure(state, None)["error"].tolist() == [2.25, 6.0, 0.0]


def test_fitness_is_minus_the_mean_error_and_missing_steps_count_6(bench: Bench):
    error = torch.tensor([1250.0, 0.0, 100.0, 12.0])
    steps = torch.tensor([2500.0, 2500.0, 500.0, 4.0])
    lengths = torch.tensor([2500, 2500, 500, 5])  # the last one diverged in its fifth step
    sums = {"error": error, "steps": steps}
    fitness = bench.task.fitness(Episode(lengths, sums, sums, sums))
    # 1250/2500;  0;  (100 + 6 * 2000)/2500;  (12 + 6 * 2496)/2500
    assert fitness.tolist() == pytest.approx([-0.5, 0.0, -4.84, -5.9952])


def test_measures_of_an_episode_become_its_fitness(bench: Bench):
    state = states(bench, command=[[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    totals = {name: 2500 * value for name, value in bench.task.measure(state, None).items()}
    length = torch.tensor([2500, 2500])
    assert bench.task.fitness(Episode(length, totals, totals, totals)).tolist() == [-1.0, -2.0]


def test_the_base_or_a_thigh_on_the_ground_ends_an_episode(bench: Bench):
    state = states(
        bench,
        base_contact_force=[0.0, 0.9, 1.1, 0.0, 0.0],
        thigh_contact_force=[[0.0] * 4, [0.9] * 4, [0.0] * 4, [0.0, 0.0, 1.1, 0.0], [0.0] * 4],
        foot_contact_force=[[0.0] * 4, [0.0] * 4, [0.0] * 4, [0.0] * 4, [130.0] * 4],
    )
    assert bench.task.terminated(state, None).tolist() == [False, False, True, True, False]


def test_the_start_is_within_its_published_ranges(bench: Bench):
    env = bench.env(1, 500)
    env.reset()
    share = env.physics.qpos[:, 7:] / torch.tensor(DEFAULT, dtype=torch.float64)
    assert 0.5 - 1e-6 <= share.min() < 0.51 and 1.49 < share.max() <= 1.5 + 1e-6
    speeds = env.physics.qvel
    assert (speeds[:, :6] == 0).all() and 0.099 < speeds[:, 6:].abs().max() <= 0.1 + 1e-6
    assert (env.physics.qpos[:, :7] - torch.tensor([0, 0, 0.62, 1, 0, 0, 0])).abs().max() < 1e-6
    most = env.memory.command.abs().amax(dim=0)
    assert (most <= torch.tensor([2.0, 1.0, 1.0])).all() and (most > torch.tensor([1.98, 0.99, 0.99])).all()
    assert (env.memory.command.mean(dim=0).abs() < torch.tensor([0.2, 0.1, 0.1])).all()


def test_no_foot_is_in_the_ground_as_an_episode_begins(bench: Bench):
    env = bench.env(1, 500)
    env.reset()
    data = mujoco.MjData(bench.model)
    for pose in env.physics.qpos[:50].numpy():
        data.qpos[:] = pose
        mujoco.mj_forward(bench.model, data)
        assert data.ncon == 0


def test_actions_are_half_a_radian_about_the_default_pose(bench: Bench):
    env = bench.env(1, 1)
    env.reset()
    for action in (-1.0, 0.0, 0.6):
        env.step(torch.full((1, 1, 12), action))
        assert torch.allclose(env.physics.ctrl[0].float(), torch.tensor(DEFAULT) + 0.5 * action)


def test_a_command_lasts_as_long_as_its_episode(bench: Bench):
    env = bench.env(1, 4)
    env.reset()
    before = env.memory.command.clone()
    for _ in range(3):
        assert not env.step(torch.zeros(1, 4, 12)).terminated.any()
    assert torch.equal(env.memory.command, before)


def test_gravity_is_seen_in_the_base_frame(bench: Bench):
    env = bench.env(1, 2)
    env.reset()
    half = math.sqrt(0.5)
    # nose down by a right angle: a turn about +y, after which gravity points to the nose; left side down: about -x
    env.physics.qpos[0, 3:7] = torch.tensor([half, 0.0, half, 0.0])
    env.physics.qpos[1, 3:7] = torch.tensor([half, -half, 0.0, 0.0])
    env.physics.qvel[:, :3] = torch.tensor([0.0, 0.0, -2.0])
    zero = torch.zeros(2, 12)
    state = bench.task.state(env.physics, env.memory, zero, zero)
    assert torch.allclose(state.projected_gravity, torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), atol=1e-6)
    assert torch.allclose(state.base_linear_velocity, torch.tensor([[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]]), atol=1e-6)


def test_the_state_is_that_of_the_simulator(bench: Bench):
    env, last = seen_at_play(bench, 3, 10, torch.full((12,), 0.2))
    physics = env.physics
    body = bench.model.body("base").id
    assert torch.allclose(last["base_position"], physics.xpos[:, body].float(), atol=1e-6)
    cosine = (last["base_rotation"] * physics.xquat[:, body].float()).sum(-1).abs()
    assert torch.allclose(cosine, torch.ones(3), atol=1e-5)
    in_world = rotate(last["base_rotation"], last["base_linear_velocity"])
    assert torch.allclose(in_world, physics.qvel[:, :3].float(), atol=1e-5)
    data = mujoco.MjData(bench.model)
    velocity = torch.zeros(6, dtype=torch.float64).numpy()
    for world in range(3):
        data.qpos[:], data.qvel[:] = physics.qpos[world].numpy(), physics.qvel[world].numpy()
        mujoco.mj_forward(bench.model, data)
        mujoco.mj_objectVelocity(bench.model, data, mujoco.mjtObj.mjOBJ_XBODY, body, velocity, 1)
        assert last["base_angular_velocity"][world].tolist() == pytest.approx(velocity[:3].tolist(), abs=1e-5)
        assert last["base_linear_velocity"][world].tolist() == pytest.approx(velocity[3:].tolist(), abs=1e-5)
    assert torch.equal(last["joint_position"], physics.qpos[:, 7:].float())
    assert torch.equal(last["joint_velocity"], physics.qvel[:, 6:].float())
    assert 1.0 < last["joint_force"].abs().max() <= 80.0


def test_a_standing_robot_rests_on_its_feet_alone(bench: Bench):
    _, last = seen_at_play(bench, 8, 150, torch.zeros(12))
    assert (last["base_contact_force"] == 0).all() and (last["thigh_contact_force"] == 0).all()
    # 52.13 kg at rest weigh 511 N; what friction holds sideways adds to a magnitude
    assert torch.allclose(last["foot_contact_force"].sum(-1), torch.full((8,), 511.4), rtol=0.12)
    assert (last["base_position"][:, 2] > 0.45).all() and (last["base_position"][:, 2] < 0.58).all()


def test_a_robot_on_its_back_or_on_its_thighs_is_found(bench: Bench):
    data = mujoco.MjData(bench.model)
    data.qpos[2:7] = [0.19, 0.0, 1.0, 0.0, 0.0]  # on its back, where the lidar stands out by 0.1935 m
    mujoco.mj_step(bench.model, data)
    force = (data.sensordata.reshape(9, 3) ** 2).sum(axis=1) ** 0.5
    assert force[0] > 1.0 and (force[1:] == 0).all()
    mujoco.mj_resetData(bench.model, data)
    data.qpos[2] = 0.3
    data.qpos[7:] = [0.0, 0.0, -2.0, 0.0, 0.0, 2.0] * 2  # kneeling: knees 0.285 m below the base, feet higher
    mujoco.mj_step(bench.model, data)
    force = (data.sensordata.reshape(9, 3) ** 2).sum(axis=1) ** 0.5
    assert force[0] == 0 and (force[1:5] > 1.0).all()


def test_the_policy_sees_scaled_velocities_next_to_the_command(bench: Bench):
    state = states(
        bench,
        base_linear_velocity=[[1.0, 0.0, 0.0]],
        base_angular_velocity=[[0.0, 0.0, 0.8]],
        command=[[1.0, -0.5, 0.8]],
        joint_velocity=[[10.0] * 12],
        action=[[0.3] * 12],
    )
    seen = bench.task.observe(state)[0]
    assert seen.shape == (48,)
    assert seen[0].item() == 2.0 and seen[5].item() == pytest.approx(0.2)
    assert seen[9:12].tolist() == pytest.approx([2.0, -1.0, 0.2])
    assert seen[24:36].tolist() == pytest.approx([0.5] * 12) and seen[36:].tolist() == pytest.approx([0.3] * 12)


def test_human_and_sparse_rewards_are_their_formulas(bench: Bench):
    state = {
        "base_linear_velocity": torch.tensor([[1.0, 0.0, 5.0], [0.5, 0.0, 0.0], [0.0, 0.0, 0.0]]),
        "base_angular_velocity": torch.tensor([[3.0, 3.0, 0.5], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]),
        "command": torch.tensor([[1.0, 0.0, 0.5], [0.0, 0.0, 0.5], [2.0, 1.0, 1.0]]),
        "joint_force": torch.tensor([[0.0] * 12, [10.0] * 12, [80.0] * 12]),
    }
    human, sparse = (bench.baseline(name, 3) for name in ("human", "sparse"))
    total = human(*[state[n] for n in human.inputs])[0]
    # 0.02 + 0.01;  (0.02 + 0.01)/e - 5e-7 * 1200;  about -0.038, cut to 0
    assert total.tolist() == pytest.approx([0.03, 0.03 * math.exp(-1) - 6e-4, 0.0], abs=1e-7)
    assert sparse(*[state[n] for n in sparse.inputs])[0].tolist() == pytest.approx([0.0, -0.5, -6.0])


def test_the_scene_has_the_published_masses_limits_and_gains(bench: Bench):
    m = bench.model
    assert (m.nq, m.nv, m.nu) == (19, 18, 12)
    assert math.isclose(m.body_mass.sum(), 52.13, abs_tol=0.01)
    for leg, x, y in (("LF", 1, 1), ("LH", -1, 1), ("RF", 1, -1), ("RH", -1, -1)):
        assert m.body(f"{leg}_HIP").mass[0] == 2.781 and m.body(f"{leg}_THIGH").mass[0] == 3.071
        assert m.body(f"{leg}_HIP").pos.tolist() == pytest.approx([x * 0.2999, y * 0.104, 0.0])
        assert m.body(f"{leg}_SHANK").pos.tolist() == pytest.approx([0.0, y * 0.1003, -0.285])
        assert m.geom(f"{leg}_FOOT").pos.tolist() == pytest.approx([x * 0.088, y * 0.0131, -0.3155])
        limits = [-0.72, 0.49] if y > 0 else [-0.49, 0.72]
        assert m.joint(f"{leg}_HAA").range.tolist() == limits
    assert [m.actuator(i).name for i in range(3)] == ["LF_HAA", "LF_HFE", "LF_KFE"]
    assert (m.actuator_gainprm[:, 0] == 85).all() and (m.actuator_biasprm[:, 2] == -2).all()
    assert (m.actuator_forcerange == [-80, 80]).all()


def test_shapes_collide_only_with_the_ground(bench: Bench):
    m = bench.model
    assert ((m.geom_contype == 1) & (m.geom_conaffinity == 0)).any()
    assert m.geom("ground").contype[0] == 0 and m.geom("ground").conaffinity[0] == 1
    assert ((m.geom_conaffinity == 0) | (m.geom_type == 0)).all()
