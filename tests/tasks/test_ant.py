"""The task ant, against numbers worked out by hand."""

import math

import pytest
import torch
from support.bench import Bench, bench_of

from eureka.rotation import rotate
from eureka.task import Episode

LEGS = ("front_left", "back_left", "back_right", "front_right")
WEIGHT = 0.91088 * 9.81


@pytest.fixture(scope="module")
def bench() -> Bench:
    return bench_of("ant")


def states(bench: Bench, count: int, **values):
    """`count` states of random play with some fields replaced."""
    fields = {name: value[:count].clone() for name, value in bench.states.items()}
    return bench.task.State(**fields | {name: torch.tensor(value) for name, value in values.items()})


def place(env, position: tuple[float, float, float], yaw: float = 0.0, pitch: float = 0.0) -> None:
    """Put the torso of every world somewhere, turned by `yaw` and then pitched nose down by `pitch`."""
    a, b, c, d = math.cos(yaw / 2), math.sin(yaw / 2), math.cos(pitch / 2), math.sin(pitch / 2)
    env.physics.qpos[:, :7] = torch.tensor([*position, a * c, -b * d, a * d, b * c], dtype=torch.float64)
    env.physics.forward(torch.ones(env.physics.num_worlds, dtype=torch.bool))


def read(bench: Bench, env, **memory):
    nothing = torch.zeros(env.physics.num_worlds, bench.task.action_size)
    return bench.task.state(env.physics, type(env.memory)(**memory) if memory else env.memory, nothing, nothing)


def test_fitness_is_the_distance_made_over_the_time_of_a_whole_episode(bench: Bench):
    # 1000 steps at 3 m/s: 3;  200 steps at 5 m/s, then a fall: 5 * 200 / 1000 = 1;  100 forth, 60 back: 0.04
    speeds = [[3.0] * 1000, [5.0] * 200, [1.0] * 100 + [-1.0] * 60]
    for steps, expected in zip(speeds, (3.0, 1.0, 0.04), strict=True):
        total = torch.zeros(1)
        for speed in steps:
            total = total + bench.task.measure(states(bench, 1, progress=[speed]), None)["progress"]
        episode = Episode(torch.tensor([len(steps)]), {"progress": total}, {}, {})
        assert bench.task.fitness(episode).item() == pytest.approx(expected, rel=1e-5)


def test_the_sum_of_progress_is_the_distance_made(bench: Bench):
    env = bench.env(1, 4)
    env.reset()
    begin, progress = env.physics.qpos[:, 0].clone(), torch.zeros(4)
    for step in range(40):
        action = torch.full((1, 4, 8), 0.7) * (1 if step // 8 % 2 else -1)
        seen = env.step(action, lambda s: (progress.add_(s["progress"]), torch.zeros(1, 4))[1])
        assert not seen.terminated.any()
    made = env.physics.qpos[:, 0] - begin
    assert made.abs().max() > 0.05
    # the target is 1000 m off: a step sideways by a metre changes its distance by half a millimetre
    assert torch.allclose(progress / 60, made.float(), atol=2e-3)


def test_progress_is_measured_toward_the_target(bench: Bench):
    env = bench.env(1, 1)
    env.reset()
    place(env, (600.0, 300.0, 0.6))
    # 3-4-5: 400 and 300 m off, a distance of 500 m; 0.05 m before, along the line to the target
    state = read(bench, env, position=torch.tensor([[600.0 - 0.04, 300.0 + 0.03]], dtype=torch.float64))
    assert state.target_distance.item() == pytest.approx(500.0, abs=1e-4)
    assert state.progress.item() == pytest.approx(0.05 * 60, abs=1e-4)
    state = read(bench, env, position=torch.tensor([[600.03, 300.04]], dtype=torch.float64))  # a step across that line
    assert state.progress.item() == pytest.approx(0.0, abs=1e-3)


def test_a_low_torso_ends_the_episode(bench: Bench):
    state = states(bench, 3, torso_position=[[0.0, 0.0, 0.32], [5.0, 0.0, 0.30], [0.0, 9.0, 1.5]])
    assert bench.task.terminated(state, None).tolist() == [False, True, False]


def test_up_and_heading_follow_the_torso(bench: Bench):
    env = bench.env(1, 1)
    env.reset()
    place(env, (0.0, 0.0, 0.6), yaw=math.pi / 2)
    state = read(bench, env)
    assert torch.allclose(state.heading_vector, torch.tensor([[0.0, 1.0, 0.0]]), atol=1e-6)
    assert state.heading_projection.item() == pytest.approx(0.0, abs=1e-6)
    assert state.up_projection.item() == pytest.approx(1.0)
    place(env, (0.0, 0.0, 0.6), pitch=math.pi / 3)
    state = read(bench, env)
    assert state.up_projection.item() == pytest.approx(0.5, abs=1e-6)
    assert state.heading_projection.item() == pytest.approx(0.5, abs=1e-6)
    assert torch.allclose(state.up_vector, torch.tensor([[math.sqrt(0.75), 0.0, 0.5]]), atol=1e-6)


def test_what_the_policy_sees_does_not_change_with_the_place_and_little_with_the_heading(bench: Bench):
    env = bench.env(1, 1)
    env.reset()
    env.physics.qvel[:, :6] = torch.tensor([1.0, 0.0, 0.0, 0.0, 0.0, 2.0], dtype=torch.float64)
    place(env, (0.0, 0.0, 0.6))
    here = bench.task.observe(read(bench, env))[0]
    assert here.shape == (49,)
    # height, velocity 1 m/s ahead, spin 2 rad/s about the vertical, the vertical, the target ahead
    expected = [0.6, 1, 0, 0, 0, 0, 2, 0, 0, 1, 1, 0, 0]
    assert here[:13].tolist() == pytest.approx(expected, abs=1e-5)
    place(env, (50.0, 0.0, 0.6))
    assert torch.allclose(bench.task.observe(read(bench, env))[0], here, atol=1e-5)
    place(env, (0.0, 0.0, 0.6), yaw=math.pi / 2)
    turned = bench.task.observe(read(bench, env))[0]
    # turned left, the world's x is on the right: the velocity, and the target
    assert turned[1:4].tolist() == pytest.approx([0, -1, 0], abs=1e-5)
    assert turned[10:13].tolist() == pytest.approx([0, -1, 0], abs=1e-5)
    assert torch.allclose(turned[13:], here[13:])


def test_the_state_is_that_of_the_simulator(bench: Bench):
    env = bench.env(1, 3)
    env.reset()
    seen = []
    for step in range(10):
        action = torch.full((1, 3, 8), 0.5 if step % 4 < 2 else -0.5)
        env.step(action, lambda state: (seen.append(state), torch.zeros(1, 3))[1])
    last, physics = seen[-1], env.physics
    assert torch.equal(last["torso_position"], physics.qpos[:, :3].float())
    assert torch.equal(last["torso_linear_velocity"], physics.qvel[:, :3].float())
    assert torch.equal(last["joint_position"], physics.qpos[:, 7:].float())
    assert torch.equal(last["joint_velocity"], physics.qvel[:, 6:].float())
    torso = bench.model.body("torso").id
    cosine = (last["torso_rotation"] * physics.xquat[:, torso].float()).sum(-1).abs()
    assert torch.allclose(cosine, torch.ones(3), atol=1e-5)
    matrix = torch.stack([last["heading_vector"], last["up_vector"]], dim=1)
    assert torch.allclose(matrix @ matrix.mT, torch.eye(2).expand(3, 2, 2), atol=1e-5)
    low, high = torch.tensor(bench.model.jnt_range[1:], dtype=torch.float32).unbind(-1)
    assert torch.allclose(
        low + (last["joint_position_scaled"] + 1) / 2 * (high - low), last["joint_position"], atol=1e-5
    )


def test_the_spin_is_in_the_world_frame(bench: Bench):
    env = bench.env(1, 1)
    env.reset()
    env.physics.qvel[:, 3:6] = torch.tensor([0.0, 0.0, 2.0], dtype=torch.float64)  # about the torso's own z axis
    place(env, (0.0, 0.0, 1.5), pitch=math.pi / 2)  # which points along world x
    assert torch.allclose(read(bench, env).torso_angular_velocity, torch.tensor([[2.0, 0.0, 0.0]]), atol=1e-5)


def test_feet_at_rest_carry_the_weight(bench: Bench):
    env = bench.env(1, 1)
    env.reset()
    for _ in range(120):
        env.step(torch.zeros(1, 1, 8))
    force = read(bench, env).foot_force[0]
    assert force[:, 2].sum().item() == pytest.approx(WEIGHT, rel=0.02)
    assert (force[:, 2] > 0.2 * WEIGHT).all() and force[:, :2].abs().max() < 0.5


def test_an_action_is_15_newton_metres_on_its_joint(bench: Bench):
    env = bench.env(1, 8)
    env.reset()
    env.step(0.5 * torch.eye(8)[None])  # in world i on joint i
    assert torch.equal(env.physics.qfrc_actuator[:, 6:], 7.5 * torch.eye(8, dtype=torch.float64))
    names = [f"{leg}_{joint}" for leg in LEGS for joint in ("hip", "ankle")]
    assert [bench.model.joint(1 + i).name for i in range(8)] == names


def test_positive_ankle_torque_lowers_front_feet_and_lifts_back_feet(bench: Bench):
    env = bench.env(1, 4)
    env.reset()
    env.physics.qpos[:, 7:] = torch.deg2rad(torch.tensor([0.0, 65, 0, -65, 0, -65, 0, 65], dtype=torch.float64))
    place(env, (0.0, 0.0, 3.0))
    before = read(bench, env).joint_position_scaled
    assert torch.allclose(before, torch.zeros(4, 8), atol=1e-5)
    action = torch.zeros(1, 4, 8)
    for i in range(4):
        action[0, i, 2 * i + 1] = 1.0
    env.step(action)
    for i, leg in enumerate(LEGS):
        foot = bench.model.body(f"{leg}_foot")
        tip = torch.tensor([[2 * foot.pos[0], 2 * foot.pos[1], 0.0]])
        turned = rotate(env.physics.xquat[i : i + 1, foot.id], tip)[0, 2].item()
        down = turned < -tip.norm().item() * math.sin(math.radians(65))
        assert down == leg.startswith("front"), leg


def test_the_start_is_within_its_published_ranges(bench: Bench):
    env = bench.env(1, 300)
    env.reset()
    qpos, qvel = env.physics.qpos, env.physics.qvel
    assert torch.allclose(qpos[:, :7], torch.tensor([0, 0, 0.44, 1, 0, 0, 0], dtype=torch.float64))
    hips, ankles = qpos[:, 7::2], qpos[:, 8::2]
    assert 0.19 < hips.abs().max() <= 0.2
    # ankles rest at their 30-degree stop, so that half of the draws are cut off there
    stop = math.radians(30)
    assert ankles.abs().min() == pytest.approx(stop, abs=1e-6) and stop + 0.19 < ankles.abs().max() <= stop + 0.2 + 1e-6
    assert (ankles.sign() == torch.tensor([1.0, -1.0, -1.0, 1.0])).all()
    assert 0.45 < ((ankles.abs() - stop) < 1e-6).double().mean() < 0.55
    assert (qvel[:, :6] == 0).all() and 0.095 < qvel[:, 6:].abs().max() <= 0.1


def test_the_scene_has_the_published_figures(bench: Bench):
    m = bench.model
    assert (m.nq, m.nv, m.nu) == (15, 14, 8)
    assert m.body_mass.sum() == pytest.approx(0.911, abs=5e-4)
    assert m.body("torso").mass[0] == pytest.approx(0.484, abs=5e-4)
    for leg in LEGS:
        front = leg.startswith("front")
        assert m.body(f"{leg}_leg").mass[0] == pytest.approx(0.039, abs=5e-4)
        assert m.body(f"{leg}_foot").mass[0] == pytest.approx(0.068, abs=5e-4)
        assert m.joint(f"{leg}_hip").range.tolist() == pytest.approx([math.radians(-40), math.radians(40)])
        ankle = (30, 100) if front else (-100, -30)
        assert m.joint(f"{leg}_ankle").range.tolist() == pytest.approx([math.radians(angle) for angle in ankle])
    assert (m.actuator_gear[:, 0] == 15).all()
    assert (m.dof_damping[6:] == 0.1).all() and (m.dof_armature[6:] == 0.01).all()
    assert (m.dof_damping[:6] == 0).all() and (m.dof_armature[:6] == 0).all()


def test_the_ant_touches_the_floor_and_not_itself(bench: Bench):
    m = bench.model
    floor = m.geom("floor").id
    for i in range(m.ngeom):
        for j in range(i):
            collide = m.geom_contype[i] & m.geom_conaffinity[j] or m.geom_contype[j] & m.geom_conaffinity[i]
            assert bool(collide) == (floor in (i, j))


def test_the_human_reward_is_isaacgymenvs_formula(bench: Bench):
    scaled, ones = torch.zeros(4, 8), torch.ones(8)
    scaled[1, :3] = torch.tensor([0.995, -0.995, 1.2])
    state = {
        "torso_position": torch.tensor([[0.0, 0, 0.5], [0, 0, 0.5], [0, 0, 0.3], [0, 0, 0.5]]),
        "up_projection": torch.tensor([0.95, 0.9, 1.0, 1.0]),
        "heading_projection": torch.tensor([0.9, 0.4, 1.0, -0.8]),
        "progress": torch.tensor([2.0, -1.0, 9.0, 0.0]),
        "joint_position_scaled": scaled,
        "joint_velocity": torch.stack([0 * ones, 5 * ones, ones, -10 * ones]),
        "action": torch.stack([0 * ones, -0.5 * ones, ones, ones]),
    }
    program = bench.baseline("human", 4)
    total = program(*[state[name] for name in program.inputs])[0]
    # 2 + 0.5 + 0.1 + 0.5 = 3.1
    # -1 + 0.5 + 0 + 0.25 - 0.005 * 8 * 0.25 - 0.05 * 8 * 0.5 * 1 - 0.1 * 2 = -0.66
    # fallen: -2
    # 0 + 0.5 + 0.1 - 0.5 - 0.005 * 8 - 0.05 * 8 * 2 = -0.74
    assert total.tolist() == pytest.approx([3.1, -0.66, -2.0, -0.74], abs=1e-5)


def test_the_sparse_reward_adds_up_to_the_fitness(bench: Bench):
    program = bench.baseline("sparse", 2)
    assert program.inputs == ("progress",)
    assert program(torch.tensor([0.3, -1.0]))[0].tolist() == pytest.approx([0.3, -1.0])
