"""The task humanoid, against numbers worked out by hand."""

import math

import mujoco
import pytest
import torch
from support.bench import Bench, bench_of

from eureka.task import Episode

SIDES = ("right", "left")
WEIGHT = 40.844 * 9.81
LEG = {"hip_x": 45, "hip_z": 45, "hip_y": 135, "knee": 90, "ankle_y": 22.5, "ankle_x": 22.5}
ARM = {"shoulder1": 67.5, "shoulder2": 67.5, "elbow": 45}
TORQUES = {"abdomen_z": 67.5, "abdomen_y": 67.5, "abdomen_x": 67.5}
TORQUES |= {f"{side}_{name}": torque for limb in (LEG, ARM) for side in SIDES for name, torque in limb.items()}
"""N m, as published."""
RANGES = {
    "abdomen_z": (-45, 45),
    "abdomen_y": (-75, 30),
    "abdomen_x": (-35, 35),
    "hip_x": (-45, 15),
    "hip_z": (-60, 35),
    "hip_y": (-120, 45),
    "knee": (-160, 2),
    "ankle_y": (-50, 50),
    "ankle_x": (-50, 50),
    "shoulder1": (-90, 70),
    "shoulder2": (-90, 70),
    "elbow": (-90, 50),
}
"""degrees, as published; the same on both sides."""
MASSES = {
    "torso": 5.85,
    "head": 3.05,
    "lower_waist": 2.26,
    "pelvis": 6.62,
    "thigh": 4.75,
    "shin": 2.76,
    "foot": 1.13,
    "upper_arm": 1.66,
    "lower_arm": 0.96,
    "hand": 0.27,
}
"""kg, as published; thigh to hand once on each side."""


def plain(name: str) -> str:
    """A name without its side."""
    return name.removeprefix("right_").removeprefix("left_")


@pytest.fixture(scope="module")
def bench() -> Bench:
    return bench_of("humanoid")


def states(bench: Bench, count: int, **values):
    """`count` states of random play with some fields replaced."""
    fields = {name: value[:count].clone() for name, value in bench.states.items()}
    fields.pop("support")  # a parameter of the task
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
    for step in range(20):
        action = torch.full((1, 4, 21), 0.3) * (1 if step // 4 % 2 else -1)
        seen = env.step(action, lambda s: (progress.add_(s["progress"]), torch.zeros(1, 4))[1])
        assert not seen.terminated.any()
    made = env.physics.qpos[:, 0] - begin
    assert made.abs().max() > 0.02
    # the target is 1000 m off: a step sideways by a metre changes its distance by half a millimetre
    assert torch.allclose(progress / 60, made.float(), atol=2e-3)


def test_progress_is_measured_toward_the_target(bench: Bench):
    env = bench.env(1, 1)
    env.reset()
    place(env, (600.0, 300.0, 1.3))
    # 3-4-5: 400 and 300 m off, a distance of 500 m; 0.05 m before, along the line to the target
    state = read(bench, env, position=torch.tensor([[600.0 - 0.04, 300.0 + 0.03]], dtype=torch.float64))
    assert state.target_distance.item() == pytest.approx(500.0, abs=1e-4)
    assert state.progress.item() == pytest.approx(0.05 * 60, abs=1e-4)
    state = read(bench, env, position=torch.tensor([[600.03, 300.04]], dtype=torch.float64))  # a step across that line
    assert state.progress.item() == pytest.approx(0.0, abs=1e-3)


def test_a_low_torso_ends_the_episode(bench: Bench):
    state = states(bench, 3, torso_position=[[0.0, 0.0, 0.81], [5.0, 0.0, 0.79], [0.0, 9.0, 1.5]])
    assert bench.task.terminated(state, None).tolist() == [False, True, False]


def test_up_and_heading_follow_the_torso(bench: Bench):
    env = bench.env(1, 1)
    env.reset()
    place(env, (0.0, 0.0, 1.3), yaw=math.pi / 2)
    state = read(bench, env)
    assert torch.allclose(state.heading_vector, torch.tensor([[0.0, 1.0, 0.0]]), atol=1e-6)
    assert state.heading_projection.item() == pytest.approx(0.0, abs=1e-6)
    assert state.up_projection.item() == pytest.approx(1.0)
    place(env, (0.0, 0.0, 1.3), pitch=math.pi / 3)
    state = read(bench, env)
    assert state.up_projection.item() == pytest.approx(0.5, abs=1e-6)
    assert state.heading_projection.item() == pytest.approx(0.5, abs=1e-6)
    assert torch.allclose(state.up_vector, torch.tensor([[math.sqrt(0.75), 0.0, 0.5]]), atol=1e-6)


def test_what_the_policy_sees_does_not_change_with_the_place_and_little_with_the_heading(bench: Bench):
    env = bench.env(1, 1)
    env.reset()
    env.physics.qvel[:, :6] = torch.tensor([1.0, 0.0, 0.0, 0.0, 0.0, 2.0], dtype=torch.float64)
    place(env, (0.0, 0.0, 1.3))
    here = bench.task.observe(read(bench, env))[0]
    assert here.shape == (82,)
    # height, velocity 1 m/s ahead, spin 2 rad/s about the vertical, the vertical, the target ahead
    expected = [1.3, 1, 0, 0, 0, 0, 2, 0, 0, 1, 1, 0, 0]
    assert here[:13].tolist() == pytest.approx(expected, abs=1e-5)
    place(env, (50.0, 0.0, 1.3))
    assert torch.allclose(bench.task.observe(read(bench, env))[0], here, atol=1e-5)
    place(env, (0.0, 0.0, 1.3), yaw=math.pi / 2)
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
        action = torch.full((1, 3, 21), 0.3 if step % 4 < 2 else -0.3)
        env.step(action, lambda state: (seen.append(state), torch.zeros(1, 3))[1])
    last, physics = seen[-1], env.physics
    assert torch.equal(last["torso_position"], physics.qpos[:, :3].float())
    assert torch.equal(last["torso_linear_velocity"], physics.qvel[:, :3].float())
    assert torch.equal(last["joint_position"], physics.qpos[:, 7:].float())
    assert torch.equal(last["joint_velocity"], physics.qvel[:, 6:].float())
    assert torch.equal(last["joint_force"], physics.qfrc_actuator[:, 6:].float())
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


def test_the_feet_meet_the_floor_with_an_upward_force(bench: Bench):
    env = bench.env(1, 1)
    env.reset()
    assert read(bench, env).foot_force.abs().max() == 0  # the start is a few centimetres above the floor
    force = torch.zeros(2, 3)
    for _ in range(12):
        env.step(torch.zeros(1, 1, 21))
        force = force + read(bench, env).foot_force[0]
    assert (force[:, 2] > 0).all()
    # 12 steps of 1/60 s: falling 5 cm and being stopped takes about the weight's own impulse
    assert 0.3 < force[:, 2].sum() / 12 / WEIGHT < 2.0


def test_an_action_is_the_published_torque_on_its_joint(bench: Bench):
    env = bench.env(1, 21)
    env.reset()
    env.step(0.5 * torch.eye(21)[None])  # in world i on joint i
    torques = torch.tensor([*TORQUES.values()], dtype=torch.float64)
    assert torch.equal(env.physics.qfrc_actuator[:, 6:], 0.5 * torch.diag(torques))
    assert [bench.model.joint(1 + i).name for i in range(21)] == list(TORQUES)


def test_the_aid_lifts_half_the_weight_and_turns_the_torso_upright(bench: Bench):
    env = bench.env(1, 2)
    env.set_parameters({"support": (1.0, 1.0)})
    env.reset()
    tilted = env.physics.qpos.clone()
    # 0.3 rad about world y, standing still: the torque is -200 N m sin 0.3 about y
    tilted[:, 3:7] = torch.tensor([math.cos(0.15), 0.0, math.sin(0.15), 0.0])
    env.physics.assign(torch.ones(2, dtype=torch.bool), qpos=tilted, qvel=torch.zeros_like(env.physics.qvel))
    env.task.parameters.support[1] = 0.25
    env.task.act(env.physics, env.memory, torch.zeros(2, 21))
    aid = env.physics.xfrc_applied[:, 1]
    half = -0.5 * bench.model.body_mass.sum() * bench.model.opt.gravity[2]
    assert aid[0].tolist() == pytest.approx([0, 0, half, 0, -200 * math.sin(0.3), 0], abs=1e-3)
    assert torch.allclose(aid[1], 0.25 * aid[0])
    assert (env.physics.xfrc_applied[:, 2:] == 0).all()
    plain = bench.env(1, 2)
    plain.reset()
    plain.step(torch.zeros(1, 2, 21))
    assert (plain.physics.xfrc_applied == 0).all(), "the task of the paper has none"


def test_the_sides_are_mirror_images(bench: Bench):
    env = bench.env(1, 1)
    env.reset()
    angles = {name: 0.1 + 0.05 * i for i, name in enumerate([*LEG, *ARM])}
    for i, name in enumerate(TORQUES):
        sign = 0.0 if plain(name) not in angles else -1.0 if name == "left_ankle_x" else 1.0
        env.physics.qpos[0, 7 + i] = sign * angles.get(plain(name), 0.0)
    place(env, (0.0, 0.0, 2.0))
    model, mirror = bench.model, torch.tensor([1.0, -1.0, 1.0])
    for part in ("thigh", "shin", "foot", "upper_arm", "lower_arm", "hand"):
        right, left = (env.physics.xpos[0, model.body(f"{side}_{part}").id].float() for side in SIDES)
        assert torch.allclose(right, left * mirror, atol=1e-5), part
        assert right[1] < 0


def test_the_start_is_within_its_published_ranges(bench: Bench):
    env = bench.env(1, 300)
    env.reset()
    qpos, qvel = env.physics.qpos, env.physics.qvel
    assert torch.allclose(qpos[:, :7], torch.tensor([0, 0, 1.34, 1, 0, 0, 0], dtype=torch.float64))
    knees = torch.tensor([plain(name) == "knee" for name in TORQUES])
    # 0 is within all limits; a knee's upper one is 2 degrees, so that nearly half of the draws are cut off there
    assert (qpos[:, 7:].abs().amax(0)[~knees] > 0.19).all() and qpos[:, 7:].abs().max() <= 0.2
    bent, limit = qpos[:, 7:][:, knees], math.radians(2)
    assert bent.min() < -0.19 and bent.max() == pytest.approx(limit, abs=1e-6)
    assert 0.34 < (bent > limit - 1e-6).double().mean() < 0.49
    assert (qvel[:, :6] == 0).all() and 0.095 < qvel[:, 6:].abs().max() <= 0.1


def test_the_scene_has_the_published_figures(bench: Bench):
    m = bench.model
    assert (m.nq, m.nv, m.nu, m.nbody) == (28, 27, 21, 17)
    assert m.body_mass.sum() == pytest.approx(40.84, abs=5e-3)
    for i in range(1, m.nbody):
        assert m.body(i).mass[0] == pytest.approx(MASSES[plain(m.body(i).name)], abs=6e-3), m.body(i).name
    for i, (name, torque) in enumerate(TORQUES.items()):
        joint = m.joint(name)
        assert joint.range.tolist() == pytest.approx([math.radians(angle) for angle in RANGES[plain(name)]])
        assert m.actuator_gear[i, 0] == torque
        assert 2 <= joint.stiffness[0] <= 20 and 0.1 <= joint.damping[0] <= 5 and 0.006 <= joint.armature[0] <= 0.02


def test_the_parts_of_the_body_do_not_pass_through_each_other(bench: Bench):
    assert (bench.model.geom_contype == 1).all() and (bench.model.geom_conaffinity == 1).all()
    env = bench.env(1, 1)
    env.reset()
    data = mujoco.MjData(bench.model)
    data.qpos[2] = 2.0
    for side in SIDES:  # legs crossed
        data.joint(f"{side}_hip_x").qpos[0] = math.radians(14)
    mujoco.mj_forward(bench.model, data)
    pairs = {frozenset(bench.model.geom(g).name for g in contact.geom) for contact in data.contact}
    assert frozenset({"right_shin", "left_shin"}) in pairs


def test_the_human_reward_is_isaacgymenvs_formula(bench: Bench):
    scaled, ones = torch.zeros(4, 21), torch.ones(21)
    scaled[1, [0, 5, 6]] = torch.tensor([0.99, -1.0, 0.97])  # abdomen z 67.5, hip y 135, knee 90
    strength = sum(TORQUES.values()) / 135
    assert strength == pytest.approx(1282.5 / 135) == pytest.approx(9.5)
    state = {
        "torso_position": torch.tensor([[0.0, 0, 1.3], [0, 0, 1.3], [0, 0, 0.7], [0, 0, 1.3]]),
        "up_projection": torch.tensor([0.95, 0.9, 1.0, 1.0]),
        "heading_projection": torch.tensor([0.9, 0.4, 1.0, -0.8]),
        "progress": torch.tensor([2.0, -1.0, 9.0, 0.0]),
        "joint_position_scaled": scaled,
        "joint_velocity": torch.stack([0 * ones, 10 * ones, ones, -10 * ones]),
        "action": torch.stack([0 * ones, -0.5 * ones, ones, ones]),
    }
    program = bench.baseline("human", 4)
    total = program(*[state[name] for name in program.inputs])[0]
    # 2 + 2 + 0.1 + 0.5 = 4.6
    # -1 + 2 + 0 + 0.25 - 0.01 * 21 * 0.25 - 0.05 * 9.5 * 0.5 - 0.25 * (0.5 * 0.5 + 1 * 1) = 0.6475
    # fallen: -1
    # 0 + 2 + 0.1 - 0.5 - 0.01 * 21 - 0.05 * 9.5 = 0.915
    assert total.tolist() == pytest.approx([4.6, 0.6475, -1.0, 0.915], abs=1e-4)


def test_the_sparse_reward_adds_up_to_the_fitness(bench: Bench):
    program = bench.baseline("sparse", 2)
    assert program.inputs == ("progress",)
    assert program(torch.tensor([0.3, -1.0]))[0].tolist() == pytest.approx([0.3, -1.0])
