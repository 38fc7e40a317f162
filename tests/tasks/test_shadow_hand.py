"""The task shadow_hand, against numbers worked out by hand."""

import math

import pytest
import torch
from support.bench import Bench

from eureka.noise import Noise
from eureka.task import Episode

IDENTITY = [1.0, 0.0, 0.0, 0.0]


def about(axis: int, angle: float) -> list[float]:
    q = [math.cos(angle / 2), 0.0, 0.0, 0.0]
    q[1 + axis] = math.sin(angle / 2)
    return q


PARAMETERS = ("success_angle", "goal_step", "start_tilt")


def states(bench: Bench, rotation: list[list[float]], goal: list[list[float]], position: list[list[float]]):
    count = len(rotation)
    fields = {name: value[:count].clone() for name, value in bench.states.items()}
    fields |= {
        "object_rotation": torch.tensor(rotation),
        "goal_rotation": torch.tensor(goal),
        "object_position": torch.tensor(position),
    }
    return bench.task.State(**{f: v for f, v in fields.items() if f not in PARAMETERS})


HOME = [0.0, -0.39, 0.56]


def test_a_goal_is_reached_within_a_tenth_of_a_radian(shadow_hand: Bench):
    state = states(
        shadow_hand,
        rotation=[about(0, 0.09), about(1, 0.11), about(2, math.pi), [-x for x in about(0, 0.5)]],
        goal=[IDENTITY, IDENTITY, IDENTITY, about(0, 0.45)],
        position=[HOME] * 4,
    )
    # 0.09: yes; 0.11: no; half a turn: no; q and -q are one rotation, 0.05 away: yes
    assert shadow_hand.task.measure(state, None)["goals"].tolist() == [1.0, 0.0, 0.0, 1.0]


def test_fitness_is_the_number_of_goals_of_the_episode(shadow_hand: Bench):
    goals = torch.tensor([0.0, 1.0, 7.0])
    episode = Episode(torch.tensor([600, 200, 600]), {"goals": goals}, {"goals": goals.clamp(max=1)}, {"goals": goals})
    assert shadow_hand.task.fitness(episode).tolist() == [0.0, 1.0, 7.0]


def test_a_drop_ends_the_episode(shadow_hand: Bench):
    near, far = [0.0, -0.39, 0.56 - 0.235], [0.15, -0.39, 0.56 - 0.19]
    state = states(shadow_hand, [IDENTITY] * 2, [IDENTITY] * 2, [near, far])
    # 0.235 < 0.24;  sqrt(0.15^2 + 0.19^2) = 0.242
    assert shadow_hand.task.terminated(state, None).tolist() == [False, True]


def test_a_reached_goal_is_replaced_and_others_stay(shadow_hand: Bench):
    from dataclasses import fields

    env = shadow_hand.env(1, 2)
    env.reset()
    state = states(shadow_hand, [about(0, 0.05), about(0, 1.0)], [IDENTITY] * 2, [HOME] * 2)
    memory = type(env.memory)(goal_rotation=torch.tensor([IDENTITY] * 2))
    noise = Noise(torch.tensor([1, 2]), torch.tensor(0))
    after = env.task.advance(env.physics, memory, state, noise).goal_rotation
    assert [f.name for f in fields(memory)] == ["goal_rotation"]
    assert after[1].tolist() == IDENTITY and not torch.equal(after[0], after[1])
    assert torch.isclose(after[0].norm(), torch.tensor(1.0))


def test_the_policy_sees_how_far_the_cube_is_turned_from_its_goal(shadow_hand: Bench):
    state = states(shadow_hand, [about(0, 0.7)], [about(0, 0.3)], [HOME])
    seen = shadow_hand.task.observe(state)[0].tolist()
    # 24 + 24 joints, 3 + 4 + 3 + 3 of the cube, 3 + 4 of the goal, then the turn of 0.4 between the two
    assert len(seen) == 157 and seen[68:72] == pytest.approx(about(0, 0.4), abs=1e-6)


def test_actions_are_target_positions_between_the_joints_limits(shadow_hand: Bench):
    env = shadow_hand.env(1, 1)
    env.reset()
    limits = torch.tensor(shadow_hand.model.actuator_ctrlrange)
    for action, expected in ((-1.0, limits[:, 0]), (0.0, limits.mean(dim=1)), (1.0, limits[:, 1])):
        env.step(torch.full((1, 1, 20), action))
        assert torch.allclose(env.physics.ctrl[0], expected, atol=1e-6)


def test_the_state_is_that_of_the_simulator(shadow_hand: Bench):
    env = shadow_hand.env(1, 3)
    env.reset()
    seen = []
    for _ in range(5):
        env.step(torch.zeros(1, 3, 20), lambda state: (seen.append(state), torch.zeros(1, 3))[1])
    # before the step's reset nothing ended here, so the last state is the simulator's present one
    last, physics = seen[-1], env.physics
    assert torch.allclose(last["object_position"], physics.qpos[:, 24:27].float())
    cosine = (last["object_rotation"] * physics.qpos[:, 27:31].float()).sum(-1).abs()
    assert torch.allclose(cosine, torch.ones(3), atol=1e-5)
    assert torch.allclose(last["object_linear_velocity"], physics.qvel[:, 24:27].float(), atol=1e-5)
    for i, finger in enumerate(("ff", "mf", "rf", "lf", "th")):
        site = shadow_hand.model.site(f"robot0:S_{finger}tip").id
        assert torch.allclose(last["fingertip_position"][:, i], physics.site_xpos[:, site].float(), atol=1e-6)
    assert last["joint_force"].abs().max() > 0


def test_the_cube_starts_over_the_palm_and_stays_in_a_still_hand(shadow_hand: Bench):
    env = shadow_hand.env(1, 16)
    env.reset()
    assert (env.physics.qpos[:, 24:27] - torch.tensor([0.0, -0.39, 0.6])).abs().max() <= 0.01
    limits = torch.tensor(shadow_hand.model.jnt_range[:24], dtype=torch.float64)
    share = (env.physics.qpos[:, :24] - 0.2 * limits[:, 0]) / (0.2 * (limits[:, 1] - limits[:, 0]))
    assert (share >= -1e-6).all() and (share <= 1 + 1e-6).all(), "a fifth of the joints' ranges"
    assert (share.amax(dim=0) > 0.5).all()
    cupped = torch.full((1, 16, 20), -0.4)
    fallen = sum(int(env.step(cupped).terminated.sum()) for _ in range(60))
    assert fallen <= 4


def test_human_and_sparse_rewards_are_their_formulas(shadow_hand: Bench):
    state = {
        "object_position": torch.tensor([HOME, [0.0, -0.39, 0.46]]),
        "goal_position": torch.tensor([HOME, HOME]),
        "object_rotation": torch.tensor([about(2, 0.05), about(1, 2.0)]),
        "goal_rotation": torch.tensor([IDENTITY, [-x for x in IDENTITY]]),
        "action": torch.stack([torch.zeros(20), torch.ones(20)]),
        "success_angle": torch.full((2,), 0.1),
    }
    human, sparse = (shadow_hand.baseline(name, 2) for name in ("human", "sparse"))
    total = human(*[state[n] for n in human.inputs])[0]
    # 0 + 1 / 0.15 + 250;  -10 * 0.1 + 1 / 2.1 - 0.0002 * 20
    assert torch.allclose(total, torch.tensor([1 / 0.15 + 250, -1.0 + 1 / 2.1 - 0.004]), rtol=1e-4)
    assert sparse(*[state[n] for n in sparse.inputs])[0].tolist() == [1.0, 0.0]


def test_a_spin_of_the_free_cube_lasts(shadow_hand: Bench):
    import mujoco

    data = mujoco.MjData(shadow_hand.model)
    data.qpos[24:27] = [0.0, 0.0, 20.0]
    data.qvel[27:30] = [10.0, 0.0, 0.0]
    for _ in range(240):  # a second of free fall
        mujoco.mj_step(shadow_hand.model, data)
    # spin decays at damping / inertia = 1.5e-5 / 2.95e-5 = 0.508 /s
    assert data.qvel[27] == pytest.approx(10.0 * math.exp(-0.508), rel=0.01)


def test_the_scene_has_the_published_sizes(shadow_hand: Bench):
    m = shadow_hand.model
    assert (m.nq, m.nv, m.nu, m.ntendon, m.npair) == (31, 30, 20, 4, 19)
    assert math.isclose(m.body("object").mass[0], 0.05**3 * 567, rel_tol=1e-6)


@pytest.mark.slow
def test_a_million_steps_of_random_play_do_not_diverge(shadow_hand: Bench):
    worlds = 1000
    env = shadow_hand.env(1, worlds, threads=2)
    env.reset()
    for step in range(1000):
        action = Noise(torch.arange(worlds), torch.tensor(step)).uniform("random", 20, low=-1.0, high=1.0)
        env.step(action[None])
    assert int(env.diverged.sum()) == 0 and env.physics.warnings() == {}
