"""What is taken down of policies at play, and what of it is drawn."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import mujoco
import numpy as np
import pytest
import torch
from PIL import ImageDraw
from support.bench import Bench, bench_of

from eureka.config.description import StateField
from eureka.envs.base import Worlds
from eureka.envs.env import Env
from eureka.errors import UserError
from eureka.physics.backend import Backend
from eureka.rl.evaluation import PolicyPlayer, RandomActor
from eureka.rl.normalization import RunningMoments
from eureka.rl.policy import Policy, Shape
from eureka.system.seeds import derive
from eureka.trainer import playback
from eureka.video import renderers, trajectory
from eureka.video.overlay import Panel
from eureka.video.trajectory import RUNNING, TERMINATED, TIMED_OUT, Part, Trajectory, pack, rate_of, unpack

CPU = torch.device("cpu")


def untrained(members: int) -> tuple[Policy, RunningMoments]:
    seeds = torch.arange(members)
    return Policy.create(Shape(4, 1, (16,)), seeds), RunningMoments(members, (4,), CPU)


def acting(env: Worlds, policy: Policy, moments: RunningMoments) -> playback.Players:
    return playback.Players(env, RandomActor(env, policy.shape.action, 0), range(env.members), policy, moments)


def part(values: np.ndarray, components: tuple[str, ...], ended: tuple[int, ...] = ()) -> Part:
    steps = len(values)
    over = np.zeros(steps, np.int8)
    over[list(ended)] = TERMINATED
    return Part(
        label="evolved",
        components=components,
        state=np.zeros((steps, 3)),
        values=values.astype(np.float32),
        fitness=np.arange(steps, dtype=np.float32),
        ended=over,
        length=np.arange(steps) + 1,
        goal=np.zeros((steps, 0), np.float32),
        marks=np.zeros((steps, 0, 3), np.float32),
    )


def test_what_is_filmed_is_what_would_be_judged(cartpole: Bench):
    policy, moments = untrained(2)
    env = playback.worlds(cartpole.task, cartpole.model, 2, seed=7)
    parts = playback.play(env, acting(env, policy, moments), [None, cartpole.baseline("human", 1)], ["a", "b"], 4000, 1)
    seeds = torch.full((2,), derive(7, playback.STREAM), dtype=torch.int64)
    judged = PolicyPlayer(
        Env(cartpole.task, Backend().open(cartpole.model, 2), seeds, playback.STREAM), policy, moments
    )
    found = judged.play()
    for p, played in enumerate(parts):
        end = played.episodes()[0]
        assert played.fitness[end] == found.fitness[p, 0] and played.length[end] == found.length[p, 0]
    assert parts[0].names == () and parts[1].names == ("total", "upright", "slow_cart", "slow_pole")


def test_equal_policies_meet_equal_episodes_one_after_another(cartpole: Bench):
    policy, moments = untrained(1)
    twice = Policy(policy.shape, policy.flat.repeat(2, 1))
    env = playback.worlds(cartpole.task, cartpole.model, 2, seed=0)
    steps = 300
    both = playback.play(env, acting(env, twice, RunningMoments(2, (4,), CPU)), [None, None], ["a", "b"], steps, None)
    assert len(both[0].episodes()) > 1 and np.array_equal(both[0].state, both[1].state)
    starts = both[0].state[[0, both[0].episodes()[0] + 1]]
    assert not np.array_equal(starts[0], starts[1]), "another episode begins elsewhere"
    again = playback.worlds(cartpole.task, cartpole.model, 1, seed=1)
    (other,) = playback.play(again, acting(again, policy, moments), [None], ["a"], steps, None)
    assert not np.array_equal(other.state[0], both[0].state[0]), "as do those of another seed"
    assert set(both[0].ended.tolist()) <= {RUNNING, TERMINATED, TIMED_OUT}


def test_the_last_state_of_an_episode_is_the_one_before_the_reset(cartpole: Bench):
    policy, moments = untrained(1)
    env = playback.worlds(cartpole.task, cartpole.model, 1, seed=0)
    (played,) = playback.play(env, acting(env, policy, moments), [cartpole.baseline("human", 1)], ["a"], 300, None)
    ends = [e for e in played.episodes() if played.ended[e] == TERMINATED]
    # MuJoCo's integration state begins with time and positions: cart, pole. Episodes begin upright.
    fallen, begun = (np.abs(played.state[[e + d for e in ends[:2]], 2]) for d in (0, 1))
    assert (fallen > 4 * begun).all()


def field(name: str, shape: tuple[int, ...], doc: str = "m, world frame") -> StateField:
    return StateField(name=name, shape=shape, dtype="float32", doc=doc)


def test_points_that_are_named_as_goals_in_the_world_frame_are_marked(cartpole: Bench):
    state = [
        field("goal_position", (3,)),
        field("left_target_position", (2,), "(N, 2) m, where it should be."),
        field("goal_position_error", (3,)),
        field("target_position", (3,), "(N, 3) m, in the body frame."),
        field("subgoal_position", (3,)),
        field("goal_rotation", (4,)),
        field("second_goal_position", (2, 3)),
    ]
    assert playback.marked(state, cartpole.model) == ("goal_position", "left_target_position")
    with_object = mujoco.MjSpec.from_string('<mujoco><worldbody><body name="object"/></worldbody></mujoco>').compile()
    assert playback.marked(state, with_object) == ("left_target_position",), "the object's copy shows the other"


def test_a_goal_is_marked_where_it_is_unless_the_scene_shows_it():
    bench = bench_of("quadcopter")
    env = playback.worlds(bench.task, bench.model, 1, seed=0)
    players = playback.Players(env, RandomActor(env, 12, 0), ())
    (shown,) = playback.play(env, players, [None], ["a"], 30, None, ("target_position",))
    assert shown.marks.shape == (30, 0, 3), "the site is there"
    (other,) = playback.play(env, players, [None], ["a"], 30, None, ("target_position", "up"))
    assert other.marks.shape == (30, 1, 3) and np.isfinite(other.marks).all()


def test_a_trajectory_comes_back_as_it_was_saved(cartpole: Bench, tmp_path: Path):
    policy, moments = untrained(1)
    env = playback.worlds(cartpole.task, cartpole.model, 1, seed=0)
    parts = playback.play(env, acting(env, policy, moments), [cartpole.baseline("human", 1)], ["a\x1b[2J"], 20, None)
    before = Trajectory("cartpole", 1 / 60, playback.binary(env), parts)
    before.save(tmp_path / "a.npz")
    after = trajectory.load(tmp_path / "a.npz")
    assert (after.task, after.control_period, after.model) == (before.task, before.control_period, before.model)
    for name in ("label", "components"):
        assert getattr(after.parts[0], name) == getattr(before.parts[0], name)
    for name in ("state", "values", "fitness", "ended", "length", "goal", "marks"):
        assert np.array_equal(getattr(after.parts[0], name), getattr(before.parts[0], name))


def test_a_picture_comes_back_as_it_was_packed():
    picture = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    assert np.array_equal(unpack(pack(picture)), picture)


def test_a_trajectory_is_never_unpickled(tmp_path: Path):
    hostile = tmp_path / "a.npz"
    np.savez(hostile, record=np.array([print], dtype=object))
    with pytest.raises(UserError, match="not a trajectory"):
        trajectory.load(hostile)


def test_the_orchestrator_of_a_film_imports_no_torch_and_no_simulator():
    code = "import sys; import eureka.video.play; print([m for m in ('torch', 'mujoco', 'PIL') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "hertz, every, rate", [(60, 2, 30), (50, 2, 25), (30, 1, 30), (100, 4, 25), (20, 1, 20), (500, 20, 25)]
)
def test_films_run_in_real_time_at_a_rate_that_looks_like_motion(hertz: int, every: int, rate: int):
    assert rate_of(1 / hertz) == (every, Fraction(rate))


def test_a_hostile_name_is_drawn_as_text_where_names_belong():
    values = np.linspace(0.0, 1.0, 50)[:, None].repeat(2, axis=1)

    def drawn(name: str) -> np.ndarray:
        return np.asarray(Panel(part(values, (name,)), 0.02, 288, 540).draw(40)).astype(int)

    assert np.array_equal(drawn("a\x1b[2J\nb\x00"), drawn("a [2J b ")), "control characters are blanks"
    plain, long = drawn("<scribe>alert(1)</scribe>" * 400), drawn("<script>alert(1)</script>" * 400)
    differing = np.argwhere(np.abs(plain - long).max(axis=-1) > 8)
    assert len(differing) > 100
    (top, left), (low, right) = differing.min(axis=0), differing.max(axis=0)
    assert left >= 14 and right <= 288 - 14 and low - top < 35, "two lines above its plot"


@pytest.mark.parametrize("size", [(220, 360), (288, 540), (320, 151), (640, 302)])  # as in films of 640x360 and more
def test_no_component_name_is_cut(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch):
    names = ("distance_from_gripper_to_drawer_handle", "smooth", "orientation_alignment_of_the_fingers")
    seen: list[str] = []
    write = ImageDraw.ImageDraw.text

    def text(pen: ImageDraw.ImageDraw, at: tuple[int, int], said: str, *rest, **more) -> None:
        seen.append(said)
        write(pen, at, said, *rest, **more)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", text)
    Panel(part(np.zeros((50, 4)), names), 0.02, *size)
    drawn = [name for name in names if name in "".join(seen)]
    assert drawn == list(names[: len(drawn)]) and drawn
    assert len(drawn) == 3 or seen[-1] == f"and {3 - len(drawn)} more", "what has no room is counted"


def test_a_goal_stays_in_the_picture_of_the_scene_s_own_camera():
    model = mujoco.MjSpec.from_string(_SCENE).compile()
    state = np.zeros((1, mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_INTEGRATION)))
    state[0, 4] = 1.0  # quaternion, behind the time and the position
    angles = []
    for goal in ([0.1, 0.0, 0.0], [1.4, 0.0, 0.4], [1000.0, 0.0, 0.0]):
        scene = mujoco.MjSpec.from_string(_SCENE).compile()
        renderers._widen(scene, state, np.array([goal]), 160, 120)
        angles.append(scene.cam_fovy[0])
    assert angles[1] > angles[0] == angles[2], "also where it is on the horizon, which no picture shows"


def test_numbers_that_are_none_and_any_number_of_components_can_be_drawn():
    values = np.zeros((50, 31))
    values[10] = np.nan
    values[11], values[12] = np.inf, -np.inf
    crowd = part(values, tuple(f"c{i}" for i in range(30)), ended=(10, 49))
    for size in ((288, 540), (640, 280), (220, 160)):
        panel = Panel(crowd, 0.02, *size)
        assert {panel.draw(step).size for step in (0, 10, 11, 12, 49)} == {size}
    nothing = part(np.zeros((50, 0)), ())
    assert Panel(nothing, 0.02, 288, 540).draw(3).size == (288, 540)


def test_curves_show_no_future():
    values = np.sin(np.linspace(0.0, 9.0, 100))[:, None]
    panel = Panel(part(values, ()), 0.02, 288, 540)
    early, late = (np.asarray(panel.draw(step)).astype(int) for step in (20, 80))
    changed = np.abs(late - early).max(axis=-1)[100:] > 60
    assert changed[:, 14:60].sum() == 0 and changed[:, 80:220].sum() > 200


_SCENE = """<mujoco><worldbody><light pos="0 0 3"/><camera name="view" pos="0 -2 1" xyaxes="1 0 0 0 .45 .9"/>
<body name="object" pos="0 0 .2"><freejoint/><geom type="box" size=".05 .06 .07" pos=".1 0 0"/></body>
</worldbody></mujoco>"""
_GOAL = """
import sys, mujoco, numpy as np
from eureka.video import renderers
from eureka.video.trajectory import Part, Trajectory
model = mujoco.MjModel.from_xml_string(sys.argv[1])
buffer = np.empty(mujoco.mj_sizeModel(model), np.uint8)
mujoco.mj_saveModel(model, None, buffer)
data = mujoco.MjData(model)
data.qpos[3:7] = 0.5, 0.5, 0.5, 0.5
state = np.empty(mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_INTEGRATION))
mujoco.mj_getState(model, data, state, mujoco.mjtState.mjSTATE_INTEGRATION)
none = np.zeros((0, 3), np.float32)
def show(goal, marks):
    arrays = [np.asarray(array)[None] for array in (state, [], 0, 0, 1, goal, marks)]
    return Part("", (), *arrays)
try:
    first = show(np.zeros(0), none)
    renderer = renderers.make("egl", Trajectory("t", 0.1, buffer.tobytes(), (first,)), 160, 160)
except Exception as error:
    print("unable", error)
    sys.exit()
without = renderer.picture(first, 0).copy()
count = renderer._renderer.scene.ngeom
half = np.sqrt(0.5)
picture = renderer.picture(show(np.array([0.0, 0.0, 0.3, half, 0.0, 0.0, half], np.float32), none), 0)
mark = renderer._renderer.scene.geoms[count]
assert renderer._renderer.scene.ngeom == count + 1 and (picture != without).any()
# A quarter turn about z takes the geom's offset along x to y, wherever the object is turned to now.
assert np.allclose(mark.mat, [[0, -1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-6), mark.mat
assert np.allclose(mark.pos[:2], [0.0, 0.1], atol=1e-6) and mark.pos[2] > 0.3, mark.pos
marked = renderer.picture(show(np.zeros(0), np.array([[0.2, 0.0, 0.3]], np.float32)), 0)
mark = renderer._renderer.scene.geoms[count]
assert renderer._renderer.scene.ngeom == count + 1 and np.allclose(mark.pos, [0.2, 0.0, 0.3]), mark.pos
assert (marked != without).any()
print("drawn")
"""


def test_where_an_object_is_to_be_it_is_shown_turned_as_it_is_to_be():
    done = subprocess.run(
        [sys.executable, "-c", _GOAL, _SCENE],
        env={**os.environ, "MUJOCO_GL": "egl"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.stdout.startswith("unable") or "EGL" in done.stderr:
        pytest.skip("there is no EGL here")
    assert done.stdout.strip() == "drawn", done.stderr
