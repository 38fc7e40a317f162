"""The task allegro_hand, against numbers worked out by hand."""

import itertools
import math

import mujoco
import pytest
import torch
from support.bench import Bench, bench_of

from eureka.noise import Noise
from eureka.task import Episode

IDENTITY = [1.0, 0.0, 0.0, 0.0]
HOME = [0.0, -0.2, 0.52]
PARTS = [f"{finger}_{i}" for finger in ("index", "middle", "ring", "thumb") for i in range(4)]


@pytest.fixture(scope="module")
def bench() -> Bench:
    return bench_of("allegro_hand")


def about(axis: int, angle: float) -> list[float]:
    q = [math.cos(angle / 2), 0.0, 0.0, 0.0]
    q[1 + axis] = math.sin(angle / 2)
    return q


PARAMETERS = ("success_angle", "goal_step", "start_tilt")


def states(bench: Bench, rotation: list[list[float]], goal: list[list[float]], position: list[list[float]]):
    fields = {name: value[: len(rotation)].clone() for name, value in bench.states.items()}
    fields |= {
        "object_rotation": torch.tensor(rotation),
        "goal_rotation": torch.tensor(goal),
        "object_position": torch.tensor(position),
    }
    return bench.task.State(**{f: v for f, v in fields.items() if f not in PARAMETERS})


def test_a_goal_is_reached_within_a_tenth_of_a_radian(bench: Bench):
    state = states(
        bench,
        rotation=[about(0, 0.09), about(1, 0.11), about(2, math.pi), [-x for x in about(0, 0.5)]],
        goal=[IDENTITY, IDENTITY, IDENTITY, about(0, 0.45)],
        position=[HOME] * 4,
    )
    # 0.09: yes; 0.11: no; half a turn: no; q and -q are one rotation, 0.05 away: yes
    assert bench.task.measure(state, None)["goals"].tolist() == [1.0, 0.0, 0.0, 1.0]


def test_fitness_is_the_number_of_goals_of_the_episode(bench: Bench):
    goals = torch.tensor([0.0, 1.0, 7.0])
    episode = Episode(torch.tensor([600, 200, 600]), {"goals": goals}, {"goals": goals.clamp(max=1)}, {"goals": goals})
    assert bench.task.fitness(episode).tolist() == [0.0, 1.0, 7.0]


def test_a_drop_ends_the_episode(bench: Bench):
    near, far = [0.0, -0.2, 0.52 - 0.235], [0.15, -0.2, 0.52 - 0.19]
    state = states(bench, [IDENTITY] * 2, [IDENTITY] * 2, [near, far])
    # 0.235 < 0.24;  sqrt(0.15^2 + 0.19^2) = 0.242
    assert bench.task.terminated(state, None).tolist() == [False, True]


def test_a_reached_goal_is_replaced_and_others_stay(bench: Bench):
    env = bench.env(1, 2)
    env.reset()
    state = states(bench, [about(0, 0.05), about(0, 1.0)], [IDENTITY] * 2, [HOME] * 2)
    memory = type(env.memory)(goal_rotation=torch.tensor([IDENTITY] * 2))
    noise = Noise(torch.tensor([1, 2]), torch.tensor(0))
    after = env.task.advance(env.physics, memory, state, noise).goal_rotation
    assert after[1].tolist() == IDENTITY and not torch.equal(after[0], after[1])
    assert torch.isclose(after[0].norm(), torch.tensor(1.0))


def test_the_policy_sees_how_far_the_cube_is_turned_from_its_goal(bench: Bench):
    state = states(bench, [about(0, 0.7)], [about(0, 0.3)], [HOME])
    seen = bench.task.observe(state)[0].tolist()
    # 16 + 16 joints, 3 + 4 + 3 + 3 of the cube, 3 + 4 of the goal, then the turn of 0.4 between the two, 16 actions
    assert len(seen) == 72 and seen[52:56] == pytest.approx(about(0, 0.4), abs=1e-6)


def test_human_and_sparse_rewards_are_their_formulas(bench: Bench):
    state = {
        "object_position": torch.tensor([HOME, [0.0, -0.2, 0.42]]),
        "goal_position": torch.tensor([HOME, HOME]),
        "object_rotation": torch.tensor([about(2, 0.05), about(1, 2.0)]),
        "goal_rotation": torch.tensor([IDENTITY, [-x for x in IDENTITY]]),
        "action": torch.stack([torch.zeros(16), torch.ones(16)]),
        "success_angle": torch.full((2,), 0.1),
    }
    human, sparse = (bench.baseline(name, 2) for name in ("human", "sparse"))
    total = human(*[state[n] for n in human.inputs])[0]
    # 0 + 1 / 0.15 + 250;  -10 * 0.1 + 1 / 2.1 - 0.0002 * 16
    assert torch.allclose(total, torch.tensor([1 / 0.15 + 250, -1.0 + 1 / 2.1 - 0.0032]), rtol=1e-4)
    assert sparse(*[state[n] for n in sparse.inputs])[0].tolist() == [1.0, 0.0]


def test_actions_are_target_positions_between_the_joints_limits(bench: Bench):
    env = bench.env(1, 1)
    env.reset()
    limits = torch.tensor(bench.model.jnt_range[:16])
    for action, expected in ((-1.0, limits[:, 0]), (0.0, limits.mean(dim=1)), (1.0, limits[:, 1])):
        env.step(torch.full((1, 1, 16), action))
        assert torch.allclose(env.physics.ctrl[0], expected, atol=1e-6)


def test_joints_drives_and_masses_are_the_published_ones(bench: Bench):
    m = bench.model
    side, bend = [-0.558489, 0.558489], [-0.279244, 1.727825]
    thumb = [[0.279244, 1.570796], [-0.331603, 1.151883], bend, [-0.279244, 1.762731]]
    expected = [side, bend, bend, bend] * 3 + thumb
    assert [m.joint(i).name for i in range(16)] == PARTS == [m.actuator(i).name for i in range(16)]
    assert torch.allclose(torch.tensor(m.jnt_range[:16]), torch.tensor(expected, dtype=torch.float64), atol=1e-6)
    assert (m.actuator_gainprm[:, 0] == 3).all() and (m.dof_damping[:16] == 0.1).all()
    assert (m.dof_armature[:16] == 0.001).all() and (abs(m.actuator_forcerange) == 0.5).all()
    finger = [0.0119, 0.065, 0.0355, 0.0096 + 0.021]
    masses = [*finger * 3, 0.0176, 0.0119, 0.038, 0.0388 + 0.021]
    assert [float(m.body(part).mass[0]) for part in PARTS] == pytest.approx(masses)
    assert m.body("palm").mass[0] == pytest.approx(0.4154) and m.body("mount").mass[0] == pytest.approx(0.05)
    assert m.body("object").mass[0] == pytest.approx(400 * 0.065**3)


def test_the_stretched_hand_has_the_published_lengths_and_lies_palm_up(bench: Bench):
    m, data = bench.model, mujoco.MjData(bench.model)
    mujoco.mj_forward(m, data)
    palm = data.body("palm").xmat.reshape(3, 3)
    # Ry(pi) Rx(0.47 pi) Rz(pi/4), then the palm's Rz(pi/4) Ry(-pi/2): its x is (0, -cos 0.03 pi, -sin 0.03 pi)
    assert palm[:, 0].tolist() == pytest.approx([0, -math.cos(0.03 * math.pi), -math.sin(0.03 * math.pi)], abs=1e-5)
    assert palm[2, 2] == pytest.approx(math.cos(0.03 * math.pi), abs=1e-5)
    for finger in ("index", "middle", "ring"):
        place = [data.body(f"{finger}_{i}").xpos for i in range(4)]
        assert math.dist(place[0], place[1]) == 0
        assert math.dist(place[1], place[2]) == pytest.approx(0.054)
        assert math.dist(place[2], place[3]) == pytest.approx(0.0384)
    middle = palm.T @ (data.body("middle_3").xpos - data.body("middle_1").xpos)
    assert middle.tolist() == pytest.approx([0.0924, 0, 0], abs=1e-5), "straight along the palm's x"
    place = [data.body(f"thumb_{i}").xpos for i in range(4)]
    assert [math.dist(a, b) for a, b in itertools.pairwise(place)] == pytest.approx([0.005, 0.0554, 0.0514])


def test_positive_angles_bend_the_fingers_over_the_palm(bench: Bench):
    m, data = bench.model, mujoco.MjData(bench.model)
    mujoco.mj_forward(m, data)
    flat = {name: data.geom(f"{name}_tip").xpos[2] for name in ("index", "middle", "ring")}
    for finger in flat:
        data.joint(f"{finger}_1").qpos = 0.5
    mujoco.mj_forward(m, data)
    for finger, before in flat.items():
        # the tip is 0.0924 + 0.0455 m out, and 0.005 m over the joint's plane
        rise = 0.1379 * math.sin(0.5) * math.cos(0.03 * math.pi)
        assert data.geom(f"{finger}_tip").xpos[2] - before == pytest.approx(rise, abs=0.01)


def test_the_cube_starts_over_the_fingers_and_joints_in_a_fifth_of_their_ranges(bench: Bench):
    env = bench.env(1, 64)
    env.reset()
    assert (env.physics.qpos[:, 16:19] - torch.tensor([0.0, -0.2, 0.56])).abs().max() <= 0.01
    limits = torch.tensor(bench.model.jnt_range[:16])
    joints = env.physics.qpos[:, :16]
    low, high = (0.2 * limits[:, 0]).maximum(limits[:, 0]), (0.2 * limits[:, 1]).maximum(limits[:, 0])
    assert (joints >= low - 1e-6).all() and (joints <= high + 1e-6).all()
    assert (joints[:, [1, 2, 3]].amax(dim=0) > 0.25).all(), "0.2 * 1.728 = 0.346"
    assert env.physics.qvel.abs().max() == 0


def test_most_cubes_stay_in_a_hand_that_cups_them_and_none_in_a_flat_one(bench: Bench):
    def fallen(bend: float) -> int:
        env = bench.env(1, 32)
        env.reset()
        action = torch.zeros(1, 32, 16)
        action[..., [1, 2, 3, 5, 6, 7, 9, 10, 11]] = bend
        lost = torch.zeros(1, 32, dtype=torch.bool)
        for _ in range(45):
            lost |= env.step(action).terminated
        return int(lost.sum())

    assert fallen(-0.1) <= 12 and fallen(-1.0) >= 28


def test_the_state_is_that_of_the_simulator(bench: Bench):
    env = bench.env(1, 3)
    env.reset()
    seen = []
    for _ in range(5):
        env.step(torch.zeros(1, 3, 16), lambda state: (seen.append(state), torch.zeros(1, 3))[1])
    # before the step's reset nothing ended here, so the last state is the simulator's present one
    last, physics = seen[-1], env.physics
    assert torch.allclose(last["joint_position"], physics.qpos[:, :16].float())
    assert torch.allclose(last["object_position"], physics.qpos[:, 16:19].float())
    cosine = (last["object_rotation"] * physics.qpos[:, 19:23].float()).sum(-1).abs()
    assert torch.allclose(cosine, torch.ones(3), atol=1e-5)
    assert torch.allclose(last["object_linear_velocity"], physics.qvel[:, 16:19].float(), atol=1e-5)
    assert last["goal_position"].tolist() == [pytest.approx(HOME)] * 3
    assert last["joint_force"].abs().max() > 0


def test_a_joint_reaches_its_target_within_a_fifth_of_a_second(bench: Bench):
    m, data = bench.model, mujoco.MjData(bench.model)
    data.qpos[16:19] = [0.0, 0.0, 50.0]  # the cube out of the way
    data.qpos[12] = 0.3
    data.ctrl[:] = data.qpos[:16]
    data.ctrl[1] = 1.0
    for _ in range(24):  # 0.2 s
        mujoco.mj_step(m, data)
    # 0.5 N m against 0.1 N m s/rad is 5 rad/s at most, then 1/30 s of time constant
    assert 0.85 < data.qpos[1] < 1.0


def test_a_spin_of_the_free_cube_lasts(bench: Bench):
    data = mujoco.MjData(bench.model)
    data.qpos[16:19] = [0.0, 0.0, 20.0]
    data.qvel[19:22] = [10.0, 0.0, 0.0]
    for _ in range(120):  # a second of free fall
        mujoco.mj_step(bench.model, data)
    # spin decays at damping / inertia = 3.9e-5 / 7.735e-5 = 0.504 /s
    assert data.qvel[19] == pytest.approx(10.0 * math.exp(-0.504), rel=0.01)


def test_a_finger_holds_the_cube_by_primitive_shapes_and_the_hand_keeps_off_itself(bench: Bench):
    m = bench.model
    colliding = (m.geom_contype != 0) | (m.geom_conaffinity != 0)
    primitive = {mujoco.mjtGeom.mjGEOM_CAPSULE, mujoco.mjtGeom.mjGEOM_BOX}
    assert set(m.geom_type[colliding].tolist()) <= primitive
    felt = {m.geom(int(i)).name for i in colliding.nonzero()[0]}
    assert felt == {
        "palm",
        "housing",
        "object",
        *(f"{f}_{p}" for f in ("index", "middle", "ring") for p in ("1", "2", "3", "tip")),
        *("thumb_2", "thumb_3", "thumb_tip"),
    }
    assert (m.nq, m.nv, m.nu) == (23, 22, 16) and m.npair == 6 + 24 + 4


def test_the_critic_alone_sees_the_joint_forces(bench: Bench):
    env = bench.env(1, 3)
    env.reset()
    for action in (0.0, 1.0, -1.0):
        env.step(torch.full((1, 3, 16), action))
    assert (env.actor_size, env.privileged) == (72, 16)
    assert torch.equal(env.observation[0, :, 72:], env.physics.qfrc_actuator[:, :16].float())
    assert (env.observation[0, :, 72:] != 0).any()
