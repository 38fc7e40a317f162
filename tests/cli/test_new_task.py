"""`eureka new-task` writes tasks that run at once, and overwrites nothing."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.cli import Cli
from support.fakes import FakeTrainer

from eureka.cli.new_task import create
from eureka.config.tasks import load_task
from eureka.errors import StorageFault

TINY = ("--generations", 1, "--samples", 1, "--envs", 32, "--steps", 4096)


def pytest_of(folder: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    return subprocess.run(command, cwd=cwd, env=dict(os.environ), capture_output=True, text=True, check=False)


def test_a_new_task_runs_and_passes_its_own_tests_outside_the_repository(cli: Cli, fakes, tmp_path: Path):
    made = cli("new-task", "pick_up2")
    assert made.returncode == 0 and "eureka run pick_up2.yaml" in made.stdout
    assert load_task(str(tmp_path / "pick_up2.yaml")).class_name == "PickUp2"
    for path in [tmp_path / "pick_up2.yaml", *(tmp_path / "pick_up2").rglob("*.*")]:
        assert "my_task" not in path.read_text() and "MyTask" not in path.read_text()
    checked = pytest_of(tmp_path / "pick_up2", tmp_path)
    assert checked.returncode == 0, checked.stdout
    done = cli("run", "pick_up2.yaml", "--out", "run", *TINY)
    assert done.returncode == 0 and "against human" in done.stdout, done.stderr


@pytest.mark.slow
def test_a_task_from_an_environment_is_complete_but_for_its_marked_parts(
    cli: Cli, fakes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    made = cli("new-task", "hop", "--from", "gymnasium:Hopper-v5", "--out", "deep/down")
    assert made.returncode == 0, made.stderr
    folder = tmp_path / "deep" / "down"
    text = (folder / "hop" / "task.py").read_text()
    assert "torso_position=sim.xpos[:, 1].float()" in text and "What the environment observes too" in text
    assert "foot_joint_velocity=sim.qvel[:, 5].float()" in text and "control_period = 0.008 " in text
    checked = pytest_of(folder / "hop", folder)
    assert checked.returncode == 0, checked.stdout
    tried = cli("check", "deep/down/hop.yaml", "--reward", "deep/down/hop/rewards/human.py")
    assert tried.returncode == 0 and "is valid" in tried.stdout, tried.stderr
    shown = cli("run", "deep/down/hop.yaml", "--dry-run")
    assert shown.returncode == 0 and "no model was called" in shown.stdout, shown.stderr
    monkeypatch.setattr(FakeTrainer, "real", True)
    done = cli("run", "deep/down/hop.yaml", *TINY)
    assert done.returncode == 2 and "fitness() is not written yet: write measure() and fitness() first" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_task_from_an_environment_observes_and_moves_as_the_environment_does(cli: Cli, tmp_path: Path):
    import gymnasium
    import numpy as np
    import torch

    from eureka import testing

    assert cli("new-task", "hop", "--from", "gymnasium:Hopper-v5").returncode == 0
    env = testing.worlds(testing.load(tmp_path / "hop.yaml"), 1)
    twin = gymnasium.make("Hopper-v5")
    env.reset(), twin.reset(seed=0)
    own = twin.unwrapped
    own.set_state(env.physics.qpos[0].numpy().copy(), env.physics.qvel[0].numpy().copy())
    for i in range(5):
        action = np.full(3, 0.2 * i - 0.5, dtype=np.float32)
        seen, *_ = twin.step(action)
        step = env.step(torch.from_numpy(action)[None, None])
        assert step.observation[0, 0].tolist() == pytest.approx(seen.tolist(), abs=1e-4)


TETRA = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n"
SCENE = """<mujoco model="pusher">
  <include file="parts/assets.xml"/>
  <worldbody>
    <geom name="table" type="plane" size="1 1 .1"/>
    <body name="my \\ puck" pos="0 0 .03"><freejoint/><geom type="cylinder" size=".05 .02"/></body>
    <body name="arm" pos="-.3 0 .05">
      <joint name="shoulder" axis="0 0 1" damping=".1"/><geom type="capsule" fromto="0 0 0 .2 0 0" size=".02"/>
      <body pos=".2 0 0">
        <joint axis="0 0 1" damping=".1"/><geom type="mesh" mesh="tetra"/><site name="tip" pos=".2 0 0"/>
      </body>
    </body>
  </worldbody>
  <actuator><motor name="free" joint="shoulder" gear="2"/><position joint="shoulder" kp="3" ctrlrange="0 1"/></actuator>
  <sensor><contact name="hit" body1="arm" geom2="table"/></sensor>
  <keyframe><key name="home" qpos="0 0 .03 1 0 0 0 .5 -.5"/></keyframe>
</mujoco>"""
PARTS = """<mujoco><compiler meshdir="stl"/><asset>
  <mesh name="tetra" file="a/link.obj" scale=".05 .05 .05"/><mesh name="other" file="b/link.obj"/>
</asset></mujoco>"""
ROBOT = """<robot name="arm">
  <link name="base"/>
  <link name="link"><inertial><mass value="1"/><origin xyz="0.1 0 0"/>
    <inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial>
    <collision><geometry><mesh filename="package://arm/meshes/link.obj" scale=".1 .1 .1"/></geometry></collision></link>
  <joint name="turn" type="revolute"><parent link="base"/><child link="link"/><axis xyz="0 0 1"/>
    <limit lower="-1" upper="1" effort="5" velocity="2"/></joint>
</robot>"""


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.slow
def test_a_task_from_a_scene_file_is_whole_can_be_moved_and_runs_when_filled_in(
    cli: Cli, fakes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    given = tmp_path / "given"
    written(given / "pusher.xml", SCENE)
    written(given / "parts" / "assets.xml", PARTS)
    for part in ("a", "b"):
        written(given / "stl" / part / "link.obj", TETRA if part == "a" else TETRA.replace("1", "2", 1))
    made = cli("new-task", "push", "--from", "given/pusher.xml", "--out", "first")
    assert made.returncode == 0, made.stderr
    assert "named in scene.xml what had no name: my \\ puck_free, body_3, body_3_hinge" in made.stdout
    assert "without a control range in the scene: free; -1 to 1 is assumed" in made.stdout
    shutil.rmtree(given)
    (tmp_path / "first").rename(tmp_path / "second")
    assert {p.name for p in (tmp_path / "second" / "push" / "assets").iterdir()} == {"link.obj", "link_2.obj"}
    tested = pytest_of(tmp_path / "second" / "push", tmp_path / "second")
    assert tested.returncode == 0, tested.stdout
    checked = cli("check", "second/push.yaml", "--episodes", 2)
    assert checked.returncode == 0 and "fitness() is not written yet" in checked.stdout, checked.stderr

    path = tmp_path / "second" / "push" / "task.py"
    text = path.read_text()
    for code in (
        '        shoulder_velocity=sim.joint("shoulder").velocity.float(),',
        '        my_puck_linear_velocity=sim.body("my \\\\ puck").linear_velocity.float(),',
        '        tip_site_position=sim.site("tip").position.float(),',
        '        sensor_hit=sim.sensor("hit").float()[:, 0],',
        "    (-1.0, 1.0),  # free: TODO",
        "        free -2 to 2 N m on the joint shoulder;",
        "        shoulder 0 to 1 rad, where the joint shoulder is driven to.",
    ):
        assert code in text, code
    text = text.replace("        return {}", '        return {"tip": state.tip_site_position[:, 0]}')
    text = text.replace('raise NotImplementedError("write', 'return episode.maxima["tip"]  # ("write')
    path.write_text(text)
    yaml = tmp_path / "second" / "push.yaml"
    yaml.write_text(yaml.read_text().replace("TODO: the goal in one sentence", "raise the tip"))
    monkeypatch.setattr(FakeTrainer, "real", True)
    done = cli("run", "second/push.yaml", "--out", "run", *TINY)
    assert done.returncode == 0 and "against human" in done.stdout, done.stderr


def test_what_a_new_task_says_of_actuators_and_the_start_is_so(cli: Cli, tmp_path: Path):
    import torch

    from eureka import testing

    text = SCENE.replace('type="mesh" mesh="tetra"', 'size=".02"')
    written(tmp_path / "pusher.xml", text.replace('<include file="parts/assets.xml"/>', ""))
    assert cli("new-task", "push", "--from", "pusher.xml").returncode == 0
    task = testing.load(tmp_path / "push.yaml")
    env = testing.worlds(task, 32)
    env.reset()
    assert (env.physics.joint("shoulder").position - 0.5).abs().max() < 0.02, "the keyframe"
    env.step(torch.full((1, 32, 2), 0.5))
    assert env.physics.ctrl[0].tolist() == pytest.approx([0.5, 0.75])
    task.fitness = lambda episode: episode.length.float()
    testing.trace_step(task)


def test_a_task_from_a_urdf_has_a_motor_for_each_joint_and_its_meshes(cli: Cli, fakes, tmp_path: Path):
    written(tmp_path / "arm" / "urdf" / "arm.urdf", ROBOT)
    written(tmp_path / "arm" / "meshes" / "link.obj", TETRA)
    made = cli("new-task", "turn", "--from", "arm/urdf/arm.urdf")
    assert made.returncode == 0, made.stderr
    assert "a motor on each hinge and slide joint: turn 5 N m\n" in made.stdout
    assert "turn -5 to 5 N m on the joint turn." in (tmp_path / "turn" / "task.py").read_text()
    assert cli("check", "turn.yaml", "--episodes", 2).returncode == 0


@pytest.mark.parametrize("start, floor", [(1.0, "0"), (0.0, "-0.7")])
def test_bodies_that_would_fall_without_end_get_a_floor_to_stand_on(
    cli: Cli, fakes, tmp_path: Path, start: float, floor: str
):
    body = (
        '<body pos="0 0 START"><freejoint/><geom size=".1"/><body><joint/><geom size=".3" pos="0 0 -.4"/></body></body>'
    )
    written(tmp_path / "fall.xml", f"<mujoco><worldbody>{body.replace('START', str(start))}</worldbody></mujoco>")
    made = cli("new-task", "fall", "--from", "fall.xml")
    assert "body_2_hinge 1 N m (assumed)" in made.stdout and f"has a floor at height {floor} m" in made.stdout, (
        made.stderr
    )
    assert cli("check", "fall.yaml", "--episodes", 2).returncode == 0


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["Reacher"], "invalid task name"),
        (["2fast"], "invalid task name"),
        (["class"], "invalid task name"),
        (["state"], "its class State would clash"),
        (["../up"], "invalid task name"),
        (["x", "--from", "Hopper-v5"], "give gymnasium:ID"),
        (["x", "--from", "gymnasium:Hoper-v5"], "did you mean gymnasium:Hopper-v5"),
        (["x", "--from", "away.xml"], "--from away.xml: there is no such file"),
        (["x", "--from", "mesh.stl"], "it ends in none of .xml, .mjcf, .urdf"),
        (["x", "--from", "MADE/cut.xml"], "cut.xml cannot be used as a scene: XML parse error"),
        (["x", "--from", "MADE/still.xml"], "has no actuators, and no hinge or slide joint"),
        (["x", "--from", "MADE/mesh.xml"], "mesh.xml names the file away.stl, which is not in"),
        (["x", "--from", "MADE/geom.xml"], "geom.xml cannot be used as a scene: size 0 must be positive in geom"),
        (["x", "--from", "gymnasium:Pendulum-v1"], "has no MuJoCo model file"),
    ],
)
def test_a_mistake_writes_nothing_and_is_one_sentence(
    cli: Cli, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, arguments: list[str], expected: str
):
    made, joint = tmp_path_factory.mktemp("made"), "<body><joint/><geom size='1'/></body>"
    written(made / "cut.xml", "<mujoco><worldbody>")
    for name, parts in {
        "still": "<worldbody><geom size='1'/></worldbody>",
        "mesh": f"<asset><mesh file='away.stl'/></asset><worldbody>{joint}</worldbody>",
        "geom": f"<worldbody>{joint}<geom type='box'/></worldbody>",
    }.items():
        written(made / f"{name}.xml", f"<mujoco>{parts}</mujoco>")
    done = cli("new-task", *[argument.replace("MADE", str(made)) for argument in arguments])
    assert done.returncode == 2 and expected in done.stderr and done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", ["mine.yaml", "mine"])
def test_nothing_is_overwritten(cli: Cli, tmp_path: Path, there: str):
    (tmp_path / there).touch()
    done = cli("new-task", "mine")
    assert done.returncode == 2 and f"{there} exists already" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == [there] and (tmp_path / there).read_text() == ""


def test_a_full_disk_leaves_no_half_of_a_task(monkeypatch, tmp_path: Path):
    real, written = Path.write_text, []

    def write(path: Path, text: str, encoding: str | None = None) -> int:
        written.append(path)
        if len(written) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, text, encoding)

    monkeypatch.setattr(Path, "write_text", write)
    with pytest.raises(StorageFault, match=r"the disk is full: .* cannot be written; free some space and try again"):
        create("half", None, tmp_path)
    assert written[0].parts[: len(tmp_path.parts)] == tmp_path.parts and not any(tmp_path.iterdir())


def test_a_key_in_the_environment_does_not_meet_the_environments_code(monkeypatch):
    from eureka import errors
    from eureka.cli import new_task

    seen: list[dict[str, str]] = []

    class Done:
        stderr = "stop"

    monkeypatch.setenv("OPENAI_API_KEY", "sk-decoy")
    monkeypatch.setattr(new_task.subprocess, "run", lambda *_, env, **__: (seen.append(env), Done())[1])
    with pytest.raises(errors.UserError, match="stop"):
        new_task.create("x", "gymnasium:Hopper-v5", Path("nowhere"))
    assert "OPENAI_API_KEY" not in seen[0]
