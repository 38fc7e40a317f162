"""The task shadow_hand_pen, against numbers worked out by hand; what it shares with the cube is tested there."""

import math

import mujoco
import pytest
import torch
from support.bench import Bench, bench_of

from eureka.noise import Noise
from eureka.rotation import angle_between, rotate
from eureka.task import Episode

IDENTITY = [1.0, 0.0, 0.0, 0.0]
HOME = [0.0, -0.39, 0.48]


@pytest.fixture(scope="module")
def bench() -> Bench:
    return bench_of("shadow_hand_pen")


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


def test_a_goal_is_reached_within_a_fifth_of_a_radian_and_a_turn_about_the_pens_axis_counts(bench: Bench):
    state = states(
        bench,
        rotation=[about(0, 0.19), about(1, 0.21), about(2, 0.21), about(2, 0.19), [-x for x in about(0, 0.5)]],
        goal=[IDENTITY, IDENTITY, IDENTITY, IDENTITY, about(0, 0.35)],
        position=[HOME] * 5,
    )
    # 0.19: yes; 0.21: no, about the pen's own axis z neither; 0.19 about it: yes; q and -q are one rotation, 0.15: yes
    goals = bench.task.measure(state, None)["goals"]
    assert goals.tolist() == [1.0, 0.0, 0.0, 1.0, 1.0]


def test_fitness_is_the_number_of_goals_of_the_episode(bench: Bench):
    goals = torch.tensor([0.0, 1.0, 7.0])
    episode = Episode(torch.tensor([600, 200, 600]), {"goals": goals}, {"goals": goals.clamp(max=1)}, {"goals": goals})
    assert bench.task.fitness(episode).tolist() == [0.0, 1.0, 7.0]


def test_a_drop_ends_the_episode(bench: Bench):
    near, far = [0.0, -0.39, 0.48 - 0.235], [0.15, -0.39, 0.48 - 0.19]
    state = states(bench, [IDENTITY] * 2, [IDENTITY] * 2, [near, far])
    # 0.235 < 0.24;  sqrt(0.15^2 + 0.19^2) = 0.242
    assert bench.task.terminated(state, None).tolist() == [False, True]


def test_human_and_sparse_rewards_are_their_formulas(bench: Bench):
    state = {
        "object_position": torch.tensor([HOME, HOME, [0.0, -0.39, 0.38]]),
        "goal_position": torch.tensor([HOME] * 3),
        "object_rotation": torch.tensor([about(2, 0.19), about(2, 0.21), about(1, 2.0)]),
        "goal_rotation": torch.tensor([IDENTITY, IDENTITY, [-x for x in IDENTITY]]),
        "action": torch.stack([torch.zeros(20), torch.zeros(20), torch.ones(20)]),
        "success_angle": torch.full((3,), 0.2),
    }
    human, sparse = (bench.baseline(name, 3) for name in ("human", "sparse"))
    total = human(*[state[n] for n in human.inputs])[0]
    # 0 + 1 / 0.29 + 250;  1 / 0.31, no bonus;  -10 * 0.1 + 1 / 2.1 - 0.0002 * 20
    assert torch.allclose(total, torch.tensor([1 / 0.29 + 250, 1 / 0.31, -1.0 + 1 / 2.1 - 0.004]), rtol=1e-4)
    assert sparse(*[state[n] for n in sparse.inputs])[0].tolist() == [1.0, 0.0, 0.0]


def test_the_pen_starts_along_the_forearm(bench: Bench):
    env = bench.env(1, 256)
    env.reset()
    assert (env.physics.qpos[:, 24:27] - torch.tensor([0.0, -0.39, 0.52])).abs().max() <= 0.01
    q = env.physics.qpos[:, 27:31].float()
    assert torch.allclose(q.norm(dim=-1), torch.ones(256), atol=1e-5)
    axis = rotate(q, torch.tensor([0.0, 0.0, 1.0]).expand(256, 3))
    # turned from z by 90 degrees about x its axis points along -y, then up to 0.3 rad up or down
    assert axis[:, 0].abs().max() < 1e-6 and (axis[:, 1] <= -math.cos(0.3) + 1e-6).all()
    assert axis[:, 2].min() < -0.2 and axis[:, 2].max() > 0.2
    side = rotate(q, torch.tensor([1.0, 0.0, 0.0]).expand(256, 3))[:, 0]
    assert side.min() < -0.9 and side.max() > 0.9, "any turn about its own axis"


def test_the_rotation_at_the_start_is_a_turn_about_the_own_axis_and_then_a_tilt(bench: Bench):
    noise = Noise(torch.arange(3), torch.tensor(5))
    q = bench.task._start_rotation(noise)  # type: ignore[attr-defined]
    r = noise.uniform("pen rotation", 2, low=-1.0, high=1.0)
    for i in range(3):
        tilt, spin = about(0, math.pi / 2 + 0.3 * float(r[i, 0])), about(2, math.pi * float(r[i, 1]))
        # the product of (w, x, 0, 0) and (w', 0, 0, z') is (w w', x w', -x z', w z')
        expected = [tilt[0] * spin[0], tilt[1] * spin[0], -tilt[1] * spin[3], tilt[0] * spin[3]]
        assert q[i].tolist() == pytest.approx(expected, abs=1e-6)


def test_the_pen_is_the_published_capsule(bench: Bench):
    m = bench.model
    pen = m.geom("object")
    assert pen.type[0] == mujoco.mjtGeom.mjGEOM_CAPSULE and pen.size[:2].tolist() == [0.008, 0.1]
    # 1000 kg/m3 times pi r^2 (0.2 + 4/3 r)
    assert m.body("object").mass[0] == pytest.approx(1000 * math.pi * 0.008**2 * (0.2 + 4 / 3 * 0.008), rel=1e-6)
    assert bench.task.pen_length == pytest.approx(2 * (0.1 + 0.008)) and bench.task.pen_radius == 0.008  # type: ignore[attr-defined]
    assert (m.nq, m.nv, m.nu, m.ntendon, m.npair) == (31, 30, 20, 4, 19)


def test_a_spin_of_the_free_pen_about_its_axis_lasts(bench: Bench):
    data = mujoco.MjData(bench.model)
    data.qpos[24:27] = [0.0, 0.0, 20.0]
    data.qvel[29] = 10.0  # about its own z
    for _ in range(240):  # a second of free fall
        mujoco.mj_step(bench.model, data)
    assert data.qvel[29] == pytest.approx(10.0 * math.exp(-0.5), rel=0.02)


def test_the_state_is_that_of_the_simulator(bench: Bench):
    env = bench.env(1, 3)
    env.reset()
    seen = []
    for _ in range(5):
        env.step(torch.zeros(1, 3, 20), lambda state: (seen.append(state), torch.zeros(1, 3))[1])
    last, physics = seen[-1], env.physics
    assert torch.allclose(last["object_position"], physics.qpos[:, 24:27].float())
    cosine = (last["object_rotation"] * physics.qpos[:, 27:31].float()).sum(-1).abs()
    assert torch.allclose(cosine, torch.ones(3), atol=1e-5)
    assert last["goal_position"].tolist() == [pytest.approx(HOME)] * 3


def test_the_designer_reads_of_a_pen_and_never_of_a_cube(bench: Bench):
    from eureka.envs.introspection import describe

    d = describe(bench.loaded, bench.task, bench.states, 1)
    text = " ".join(
        [d.scene, d.goal, d.action, d.termination, *(f.doc for f in d.state), *(c.doc for c in d.constants)]
    )
    assert "pen" in text and "cube" not in text
    assert {c.name: c.value for c in d.constants} == {
        "success_angle": 0.2,
        "goal_step": 0.0,
        "fall_distance": 0.24,
        "pen_length": 0.216,
        "pen_radius": 0.008,
        "goal_height": 0.48,
    }


def test_each_goal_is_a_step_about_the_pens_axis_from_the_one_before(bench: Bench):
    env = bench.env(1, 4)
    env.set_parameters({"goal_step": (1.6, 1.6)})
    env.reset()
    pen = env.task.state(env.physics, env.memory, env.last_action, env.last_action).object_rotation
    goal = env.memory.goal_rotation
    assert torch.allclose(angle_between(goal, pen), torch.full((4,), 1.6), atol=1e-4)
    axis = torch.tensor([0.0, 0.0, 1.0]).expand(4, 3)
    assert torch.allclose(rotate(goal, axis), rotate(pen, axis), atol=1e-4), "the pen's axis stays"
