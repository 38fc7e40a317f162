"""The task franka_cabinet, against numbers worked out by hand."""

import math

import mujoco
import numpy as np
import pytest
import torch
from support.bench import Bench, bench_of

from eureka.task import Episode

HOME = [1.157, -1.066, -0.155, -2.239, -1.841, 1.003, 0.469, 0.035, 0.035]
IDENTITY = [1.0, 0.0, 0.0, 0.0]
TOWARDS_HANDLE = [0.5, 0.5, -0.5, -0.5]
"""wxyz, a gripper whose z is world -x and whose y is up."""
# found by inverse kinematics: gripper so turned, at the handle of the shut drawer, and 20 cm farther out
GRASP = [2.0549, -1.4881, -0.856, -1.8566, -2.3702, 2.0787, 0.0231, 0.04, 0.04]
PULLED = [1.7367, -1.5997, -0.5785, -2.3729, -2.1212, 1.8328, 0.1117]


@pytest.fixture(scope="module")
def bench() -> Bench:
    return bench_of("franka_cabinet")


def states(bench: Bench, **values: list):
    count = len(next(iter(values.values())))
    fields = {name: torch.zeros(count, *value.shape[1:]) for name, value in bench.states.items()}
    return bench.task.State(**(fields | {name: torch.tensor(v) for name, v in values.items()}))


def test_success_is_a_drawer_open_by_more_than_39_cm_and_ends_the_episode(bench: Bench):
    state = states(bench, drawer_opening=[0.0, 0.389, 0.391])
    assert bench.task.measure(state, None)["opened"].tolist() == [0.0, 0.0, 1.0]
    assert bench.task.terminated(state, None).tolist() == [False, False, True]


def test_fitness_is_whether_the_drawer_was_ever_open(bench: Bench):
    maxima = torch.tensor([0.0, 1.0, -torch.inf, 1.0])  # the third diverged in its first step
    others = {"opened": torch.tensor([0.0, 1.0, 0.0, 0.0])}
    episode = Episode(torch.tensor([500, 90, 1, 500]), others, {"opened": maxima}, others)
    assert bench.task.fitness(episode).tolist() == [0.0, 1.0, 0.0, 1.0]


def test_an_opened_drawer_is_an_episode_of_fitness_1(bench: Bench):
    env = bench.env(1, 2)
    env.reset()
    env.physics.qpos[0, 0] = 0.395
    env.physics.qpos[0, 1:8] = torch.tensor([0.0, 0.0, 0.0, -0.1, 0.0, 1.0, 0.0])  # upright, out of the way
    step = env.step(torch.zeros(1, 2, 9))
    assert step.terminated[0].tolist() == [True, False] and step.fitness[0, 0] == 1.0
    assert env.physics.qpos[:, 0].abs().max() < 1e-3, "the next episode begins with a shut drawer"


def test_the_start_is_within_its_published_ranges(bench: Bench):
    env = bench.env(1, 400)
    env.reset()
    joints = env.physics.qpos[:, 1:]
    offset = joints[:, :7] - torch.tensor(HOME[:7], dtype=torch.float64)
    assert (offset.abs() <= 0.125 + 1e-6).all() and (offset.abs().amax(dim=0) > 0.12).all()
    assert joints[:, 7:].min() >= 0.0 and joints[:, 7:].max() <= 0.04 + 1e-7
    assert (joints[:, 7:] == 0.0).any(), "a spread of 0.125 m is cut to the fingers' travel"
    assert (env.physics.qpos[:, 0] == 0).all() and (env.physics.qvel == 0).all()
    assert torch.equal(env.memory.target, joints.float())


def test_actions_move_targets_that_stay_within_the_joints_ranges(bench: Bench):
    env = bench.env(1, 1)
    env.reset()
    before = env.memory.target.clone()
    action = torch.tensor([1.0, -1.0, 0.5, 0.0, 0.0, 0.0, 0.0, -0.1, 0.0])
    env.step(action.expand(1, 1, 9))
    # 7.5/60 = 0.125 rad, and a tenth of it in m for the fingers
    moved = torch.tensor([0.125, -0.125, 0.0625, 0.0, 0.0, 0.0, 0.0, -0.00125, 0.0])
    low, high = torch.tensor(bench.model.jnt_range[1:]).float().unbind(-1)
    expected = torch.minimum(torch.maximum(before + moved, low), high)
    assert torch.allclose(env.memory.target, expected, atol=1e-6)
    assert torch.allclose(env.physics.ctrl.float(), expected, atol=1e-6)
    for _ in range(60):
        env.step(torch.full((1, 1, 9), 1.0))
    assert torch.allclose(env.memory.target[0], high)


def test_the_arm_is_franka_s(bench: Bench):
    # Craig's transformations for a set of joint angles, multiplied out here in full
    parameters = [
        (0, 0.333, 0),
        (0, 0, -1),
        (0, 0.316, 1),
        (0.0825, 0, 1),
        (-0.0825, 0.384, -1),
        (0, 0, 1),
        (0.088, 0, 1),
        (0, 0.107, 0),
    ]
    angles = [*HOME[:7], 0.0]
    pose = np.diag([-1.0, -1.0, 1.0, 1.0])  # the base is turned by half a turn, at (1, 0, 0)
    pose[0, 3] = 1.0
    for (a, d, right_angles), theta in zip(parameters, angles, strict=True):
        c, s, ca, sa = math.cos(theta), math.sin(theta), [1, 0, 0][right_angles], right_angles
        pose = pose @ np.array(
            [[c, -s, 0, a], [s * ca, c * ca, -sa, -d * sa], [s * sa, c * sa, ca, d * ca], [0, 0, 0, 1]]
        )
    data = mujoco.MjData(bench.model)
    data.qpos[1:] = HOME
    mujoco.mj_forward(bench.model, data)
    flange = data.body("hand").xpos
    assert flange.tolist() == pytest.approx(pose[:3, 3].tolist(), abs=1e-6)
    # the hand is turned by -45 degrees on the flange, and the gripper's point is 0.0584 + 0.04 m before it
    gripper = data.site("gripper").xpos
    assert gripper.tolist() == pytest.approx((pose[:3, 3] + 0.0984 * pose[:3, 2]).tolist(), abs=1e-6)
    assert data.ncon == 0


def test_the_scene_has_the_published_masses_limits_and_gains(bench: Bench):
    m = bench.model
    assert (m.nq, m.nv, m.nu) == (10, 10, 9)
    masses = [m.body(f"link{i}").mass[0] for i in range(1, 8)]
    assert masses == [4.970684, 0.646926, 3.228604, 3.587895, 1.225946, 1.666555, 0.735522]
    assert m.joint("joint4").range.tolist() == [-3.0718, -0.0698] and m.joint("drawer").range.tolist() == [0.0, 0.4]
    assert m.joint("left_finger").range.tolist() == [0.0, 0.04]
    assert m.actuator_forcerange[:, 1].tolist() == [87.0] * 4 + [12.0] * 3 + [200.0] * 2
    assert (m.actuator_gainprm[:7, 0] == 400).all()
    total = m.dof_damping[1:8] - m.actuator_biasprm[:7, 2]
    assert total == pytest.approx([80.0] * 7)
    assert m.dof_damping[0] == 10 and m.dof_damping[7] == pytest.approx(12 / 2.61)
    assert (m.opt.gravity == 0).all()


def test_full_torque_ends_in_the_joints_greatest_speed(bench: Bench):
    data = mujoco.MjData(bench.model)
    data.qpos[1:] = HOME
    data.ctrl[:] = HOME
    data.ctrl[0] = -2.8973  # a way of four radians
    fastest = 0.0
    for _ in range(480):
        mujoco.mj_step(bench.model, data)
        fastest = max(fastest, abs(data.qvel[1]))
    assert 1.8 < fastest < 2.2


def test_arm_and_cabinet_touch_each_other_but_not_themselves(bench: Bench):
    m = bench.model
    primitive = {0, 2, 3, 4, 5, 6}  # plane, sphere, capsule, ellipsoid, cylinder, box
    assert set(m.geom_type.tolist()) <= primitive

    def touch(a: int, b: int) -> bool:
        return bool((m.geom_contype[a] & m.geom_conaffinity[b]) | (m.geom_contype[b] & m.geom_conaffinity[a]))

    kinds = {
        name: [g for g in range(m.ngeom) if m.geom_contype[g] == bit] for name, bit in (("arm", 1), ("cabinet", 2))
    }
    floor = m.geom("floor").id
    assert all(touch(a, c) for a in kinds["arm"] for c in kinds["cabinet"])
    assert not any(touch(a, b) for kind in kinds.values() for a in kind for b in kind)
    assert all(touch(a, floor) for a in kinds["arm"]) and not any(touch(c, floor) for c in kinds["cabinet"])


def test_the_state_is_that_of_the_simulator(bench: Bench):
    env = bench.env(1, 3)
    env.reset()
    seen = []
    for _ in range(5):
        env.step(torch.full((1, 3, 9), 0.3), lambda state: (seen.append(state), torch.zeros(1, 3))[1])
    last, physics, m = seen[-1], env.physics, bench.model
    assert torch.equal(last["joint_position"], physics.qpos[:, 1:].float())
    assert torch.equal(last["joint_velocity"], physics.qvel[:, 1:].float())
    assert torch.equal(last["drawer_opening"], physics.qpos[:, 0].float())
    for name in ("gripper", "handle", "left_finger", "right_finger"):
        place = physics.site_xpos[:, m.site(name).id].float()
        assert torch.allclose(last[f"{name}_position"], place, atol=1e-6)
    for name, body in (("gripper", "hand"), ("handle", "drawer"), ("left_finger", "left_finger")):
        cosine = (last[f"{name}_rotation"] * physics.xquat[:, m.body(body).id].float()).sum(-1).abs()
        assert torch.allclose(cosine, torch.ones(3), atol=1e-5)
    # 0.0515 + 0.3, 0, 0.4 + 0.3172 + 0.01
    assert torch.allclose(last["handle_position"], torch.tensor([0.3515, 0.0, 0.7272]), atol=1e-4)


def test_the_policy_sees_scaled_joints_and_the_way_to_the_handle(bench: Bench):
    high = bench.model.jnt_range[1:, 1].tolist()
    state = states(
        bench,
        joint_position=[high],
        joint_velocity=[[2.0] * 9],
        gripper_position=[[0.7, 0.1, 0.8]],
        handle_position=[[0.35, 0.0, 0.73]],
        drawer_opening=[0.2],
        drawer_velocity=[0.5],
    )
    seen = bench.task.observe(state)[0].tolist()
    assert seen == pytest.approx([1.0] * 9 + [0.2] * 9 + [-0.35, -0.1, -0.07, 0.2, 0.5], abs=1e-6)


def reward_inputs() -> dict[str, torch.Tensor]:
    """At the handle and around it, drawer open by 0.395; turned away at 1 m; a finger behind the handle."""
    return {
        "gripper_position": torch.tensor([[0.35, 0.0, 0.73], [1.35, 0.0, 0.73], [0.35, 0.0, 0.73]]),
        # forward along -x and up along z;  forward along z: no alignment at all;  as the first
        "gripper_rotation": torch.tensor([TOWARDS_HANDLE, IDENTITY, TOWARDS_HANDLE]),
        "handle_position": torch.tensor([[0.35, 0.0, 0.73]] * 3),
        "handle_rotation": torch.tensor([IDENTITY] * 3),
        "left_finger_position": torch.tensor([[0.39, 0.0, 0.74], [1.39, 0.0, 0.70], [0.30, 0.0, 0.74]]),
        "right_finger_position": torch.tensor([[0.39, 0.0, 0.71], [1.39, 0.0, 0.70], [0.39, 0.0, 0.72]]),
        "drawer_opening": torch.tensor([0.395, 0.0, 0.395]),
        "action": torch.stack([torch.zeros(9), torch.ones(9), torch.zeros(9)]),
    }


def test_the_human_reward_is_isaacgymenvs_formula(bench: Bench):
    state, human = reward_inputs(), bench.baseline("human", 3)
    total = human(*[state[n] for n in human.inputs])[0]
    # near 2 * 2; aligned 0.5 * 0.5 * 2; around 0.25 * 0.5; fingers 5 * (0.03 + 0.02); opened 7.5 * 0.395 * 1.5;
    # bonus 0.5 + 0.5 + 1
    first = 4.0 + 0.5 + 0.125 + 0.25 + 7.5 * 0.395 * 1.5 + 2.0
    # near 2 * (1/2)^2; 9 actions of 1
    second = 0.5 - 0.09
    assert total.tolist() == pytest.approx([first, second, -1.0], abs=1e-5)


def test_the_reward_of_a_gripper_turned_over_is_signed(bench: Bench):
    state, human = reward_inputs(), bench.baseline("human", 3)
    # a half turn about world z: forward is now +x; up stays
    state["gripper_rotation"] = torch.tensor([[0.5, 0.5, 0.5, 0.5]] * 3)
    total = human(*[state[n] for n in human.inputs])[0]
    # as in the test before, where -1 and +1 now cancel and leave nothing for the alignment
    assert total[0].item() == pytest.approx(4.0 + 0.125 + 0.25 + 7.5 * 0.395 * 1.5 + 2.0, abs=1e-5)


def test_the_sparse_reward_is_success(bench: Bench):
    sparse = bench.baseline("sparse", 3)
    assert sparse(torch.tensor([0.0, 0.3899, 0.3901]))[0].tolist() == [0.0, 0.0, 1.0]


def test_a_gripper_that_closes_about_the_handle_can_pull_the_drawer(bench: Bench):
    m, data = bench.model, mujoco.MjData(bench.model)
    data.qpos[1:] = GRASP
    target = np.array(GRASP)
    target[7:] = 0.0
    data.ctrl[:] = target
    for _ in range(120):
        mujoco.mj_step(m, data)
    assert np.abs(data.site("gripper").xpos - data.site("handle").xpos).max() < 0.01
    assert 0.005 < data.qpos[8] < 0.0125 and 0.005 < data.qpos[9] < 0.0125, "the bar is 2.1 cm thick"
    data.ctrl[:7] = PULLED
    for _ in range(480):
        mujoco.mj_step(m, data)
    assert data.qpos[0] > 0.1
