"""A mistake in a task's class is one sentence with the file, found before anything is trained."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.cli import Cli, sentence

pytestmark = pytest.mark.usefixtures("fakes")
SCENE = "return mujoco.MjSpec.from_string(SCENE)"
FITNESS = 'return episode.sums["at_goal"] / episode.length'
METRIC = 'metrics = (__import__("eureka.task").task.Metric("{}", "", "higher", "last", ""),)\n    action_size = 2'


def spoiled(cli: Cli, folder: Path, old: str, new: str) -> Path:
    """A new task whose class has `new` instead of `old`."""
    assert cli("new-task", "mine").returncode == 0
    path = folder / "mine" / "task.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path


@pytest.mark.parametrize("command", [["check", "mine.yaml"], ["run", "mine.yaml", "--dry-run"]])
@pytest.mark.parametrize(
    "old, new, expected",
    [
        ('sums["at_goal"]', 'sums["at_gaol"]', "asks for 'at_gaol' (did you mean 'at_goal'?)"),
        ("action_size = 2", METRIC.format("at_gaol"), "metrics names 'at_gaol' (did you mean 'at_goal'?)"),
        (FITNESS, "return 1.0", "fitness() returned float for 32 worlds; return a tensor (W,)"),
        (FITNESS, "return torch.zeros(3)", "fitness() returned shape (3,) for 32 worlds"),
        ("(0.0, 1.0)  #", "(1.0, 0.0)  #", "fitness_range must be two numbers, the lower first, such as (0.0, 1.0);"),
        ("(0.0, 1.0)  #", "'0 to 1'  #", "it is '0 to 1'"),
    ],
)
def test_a_wrong_fitness_or_metric(cli: Cli, tmp_path: Path, command: list[str], old: str, new: str, expected: str):
    path = spoiled(cli, tmp_path, old, new)
    said = sentence(cli(*command))
    assert said.startswith(f"error: {path}") and expected in said
    if "at_gaol" in new:
        line = path.read_text()[: path.read_text().index("at_gaol")].count("\n") + 1
        assert f"{path}, line {line}: " in said and "measure() returns at_goal" in said


@pytest.mark.parametrize(
    "old, new, expected",
    [
        (SCENE, "return 'scene.xml'", "scene() returned an object of type str instead of a mujoco.MjSpec"),
        (SCENE, "return mujoco.MjSpec.from_string(SCENE).compile()", "type MjModel instead of a mujoco.MjSpec"),
        (SCENE, "mujoco.MjSpec.from_string(SCENE)", "scene() returned nothing instead"),
        (SCENE, "raise ValueError('no luck')", "line 87: ValueError: no luck; in scene()"),
        (
            SCENE,
            "return mujoco.MjSpec.from_file('away.xml')",
            "file 'away.xml'; in scene(), where relative paths begin",
        ),
        ("<worldbody>", "<worldbdy>", "in scene()"),
        ("<worldbody>", '<worldbody><geom type="box"/>', "scene of scene() does not compile: size 0 must be positive"),
        (
            "<worldbody>",
            '<asset><mesh file="a.stl"/></asset><worldbody>',
            "file 'a.stl', where relative paths begin at",
        ),
        ("control_period = 1 / 50", "control_period = 0.025", "the scene's timestep 0.01 s; 0.02 s is the nearest"),
        ("action_size = 2", "action_size = 3", "action_size is 3, but sim.ctrl takes 2 numbers"),
        ("site_xpos[:, 0, :2]", "site_xpos[:, 0, :2] + sim.body('arm').position", "no body named 'arm' (did you mean"),
    ],
)
def test_a_wrong_scene_names_the_file(cli: Cli, tmp_path: Path, old: str, new: str, expected: str):
    path = spoiled(cli, tmp_path, old, new)
    said = sentence(cli("check", "mine.yaml"))
    assert said.startswith(f"error: {path}") and expected in said


MEASURED = 'return {"at_goal": (distance < self.tolerance).float()}'
SEEN = "return torch.cat(seen, dim=-1)"
ACT = "sim.ctrl.copy_(action)"
NUMBER = "return a tensor (W,), one number for each world"


@pytest.mark.parametrize(
    "old, new, expected",
    [
        (
            MEASURED,
            'return {"at_goal": distance.mean()}',
            f"measure() returned shape () under 'at_goal' for 32 worlds; {NUMBER}",
        ),
        (MEASURED, 'return {"at_goal": distance[:, None]}', "measure() returned shape (32, 1) under 'at_goal'"),
        (MEASURED, 'return {"at_goal": 1.0}', "measure() returned float under 'at_goal' for 32 worlds"),
        (MEASURED, "return distance", "measure() returned shape (32,) for 32 worlds; return a dict of tensors (W,)"),
        (SEEN, "return seen[0][:, 0]", "observe() returned shape (32,) for 32 worlds; return a tensor (W, numbers)"),
        (SEEN, "return torch.cat(seen)", "observe() returned shape (128, 2) for 32 worlds"),
        (SEEN, f"{SEEN}\n    def privileged(self, state):\n        return 1", "privileged() returned int"),
        (ACT, "sim.ctrl = action", "`sim.ctrl = ...` would have no effect; write sim.ctrl[:] = ..."),
        (ACT, "sim.qpos = 2 * sim.qpos", "`sim.qpos = ...` would have no effect"),
        (ACT, "sim.ctl = action", "sim has no ctl (did you mean 'ctrl'?); write sim.ctrl[:] = ..."),
        (ACT, "sim.ctl[:] = action", "sim has no ctl (did you mean 'ctrl'?); it has model,"),
        (FITNESS, "return episode.sum", "episode has no sum (did you mean 'sums'?); it has length, sums, maxima"),
        (FITNESS, "return episode['at_goal']", "episode is not read as episode['at_goal']; it has length"),
        (FITNESS, "return episode.sums.at_goal", 'is read as ["at_goal"], not .at_goal; measure() returns at_goal'),
    ],
)
def test_a_wrong_shape_or_attribute_names_the_line(cli: Cli, tmp_path: Path, old: str, new: str, expected: str):
    path = spoiled(cli, tmp_path, old, new)
    said = sentence(cli("check", "mine.yaml"))
    text = path.read_text()
    at = text.index("def privileged" if "privileged" in expected else new)
    if "() returned" in expected and "under" not in expected:  # then the method, otherwise the line itself
        at = text[: at + 4].rindex("def ")
    assert said.startswith(f"error: {path}, line {text[:at].count(chr(10)) + 1}: ") and expected in said


def test_a_sum_of_measured_bools_counts_them(cli: Cli, tmp_path: Path):
    spoiled(cli, tmp_path, MEASURED, "return {'at_goal': distance >= 0.0}")
    assert re.search(r"fitness +1.00 +1.00 \.\. 1.00", cli("check", "mine.yaml", "--episodes", 2).stdout)


def test_a_description_that_is_still_todo_allows_random_play_but_no_training(cli: Cli, tmp_path: Path):
    assert cli("new-task", "mine").returncode == 0
    path = tmp_path / "mine.yaml"
    lines = path.read_text().splitlines()
    number = next(n for n, line in enumerate(lines) if line.startswith("description:"))
    lines[number] = 'description: "TODO: the goal in one sentence"'
    path.write_text("\n".join(lines))
    said = f"{path}, line {number + 1}: description is not written yet: state the goal in one sentence instead of TODO"
    checked = cli("check", "mine.yaml", "--episodes", 2)
    assert checked.returncode == 0 and checked.stdout.endswith(f"\n{said}\n") and "fitness  " in checked.stdout
    assert said in cli("run", "mine.yaml", "--dry-run").stdout
    assert sentence(cli("run", "mine.yaml", "--out", "run")) == f"error: {said}"
    assert not (tmp_path / "run").exists()


def test_files_of_a_scene_are_found_beside_the_class_from_any_folder(cli: Cli, tmp_path: Path):
    mesh = '<asset><mesh name="tetra" file="tetra.obj"/></asset><worldbody><geom type="mesh" mesh="tetra"/>'
    path = spoiled(cli, tmp_path, "<worldbody>", mesh)
    corners, faces = ("0 0 0", "1 0 0", "0 1 0", "0 0 1"), ("1 3 2", "1 2 4", "1 4 3", "2 3 4")
    text = [f"v {corner}" for corner in corners] + [f"f {face}" for face in faces]
    (path.parent / "tetra.obj").write_text("\n".join(text))
    assert "random play" in cli("check", tmp_path / "mine.yaml", cwd=tmp_path.parent).stdout


def test_a_fitness_that_is_not_written_yet_allows_random_play_but_no_training(cli: Cli, tmp_path: Path):
    path = spoiled(cli, tmp_path, FITNESS, 'raise NotImplementedError("later")')
    line = path.read_text()[: path.read_text().index("NotImplementedError")].count("\n") + 1
    said = f"{path}, line {line}: fitness() is not written yet: later"
    checked = cli("check", "mine.yaml", "--episodes", 2)
    assert checked.returncode == 0 and checked.stdout.endswith(f"\n{said}\n"), checked.stderr
    assert "100.00" in checked.stdout and "fitness  " not in checked.stdout
    assert said in cli("run", "mine.yaml", "--dry-run").stdout
    assert sentence(cli("run", "mine.yaml", "--out", "run")) == f"error: {said}"
    assert not (tmp_path / "run").exists()
