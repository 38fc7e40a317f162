"""Task files and settings: what is wrong with them is said in one sentence, with the place."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

from eureka.config import settings
from eureka.config.settings import Evaluation, Learning, Preset, Settings
from eureka.config.tasks import TaskFile, load_task
from eureka.errors import UserError
from eureka.system.paths import shipped


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A cartpole of the user's own, outside the repository."""
    shutil.copytree(shipped("tasks") / "cartpole", tmp_path / "cartpole")
    shutil.copy(shipped("tasks") / "cartpole.yaml", tmp_path / "mine.yaml")
    return tmp_path / "mine.yaml"


def edit(file: Path, old: str, new: str) -> str:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    return str(file)


def test_a_shipped_task_is_found_by_name_and_by_path_from_anywhere(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_task("cartpole").path == load_task("tasks/cartpole.yaml").path == shipped("tasks") / "cartpole.yaml"


def test_a_users_task_is_loaded_by_path(copy: Path, monkeypatch):
    monkeypatch.chdir(copy.parent)
    task = load_task("mine.yaml")
    assert task.module == copy.parent / "cartpole" / "task.py" and task.class_name == "Cartpole"


@pytest.mark.parametrize(
    "name, expected",
    [
        ("cartpol", "did you mean 'cartpole'"),
        ("tasks/shadowhand.yaml", "did you mean 'shadow_hand'"),
        ("nowhere/x.yaml", "no task file nowhere/x.yaml"),
        ("mine", "did you mean mine.yaml"),
        ("Hopper-v5", "did you mean gymnasium:Hopper-v5"),
        ("my_lab/Nested-v0", "did you mean gymnasium:my_lab/Nested-v0"),
    ],
)
def test_an_unknown_task_is_answered_with_a_near_one(copy: Path, monkeypatch, name: str, expected: str):
    monkeypatch.chdir(copy.parent)
    with pytest.raises(UserError, match=expected):
        load_task(name)


@pytest.mark.parametrize(
    "old, new, expected",
    [
        ("    worlds: 64", "    wolrds: 64", r"line 11: unknown key 'presets.cpu.wolrds' \(did you mean 'worlds'\?\)"),
        ("description:", "descripton:", "did you mean 'description'"),
        ("      horizon: 32", "      horizn: 32", r"learning.horizn' \(did you mean 'horizon'"),
        ("human: ", "humans: ", "unknown key 'humans'|key 'human' is missing"),
        ("    samples: 6", "    samples: six", "line 10: presets.cpu.samples: .*not 'six'"),
        ("    samples: 6", "    samples: 0", "greater than or equal to 1, not 0"),
        ("  cpu:  ", "  laptop:  ", "presets"),
        ("presets:", "presets: [", "not valid YAML"),
        (
            "task.py:Cartpole",
            "task.py",
            "line 3: task: write gymnasium:ID for an environment, or FILE.py:CLASS, not .*",
        ),
        ("rewards/human.py", "rewards/humane.py", "but that file does not exist"),
        ("name: cartpole", "\t name: cartpole", "line 1: not valid YAML"),
        ("name: cartpole", "name: Hop 1", "name: lower-case letters, .* with a letter, such as hop_1, not 'Hop 1'$"),
        ("name: cartpole", "name: 1", "such as task_1, not 1$"),
        (
            "task: cartpole/task.py:Cartpole",
            "task: Hopper-v5",
            "task: write gymnasium:Hopper-v5 for an environment, or FILE.py:CLASS, not 'Hopper-v5'$",
        ),
        ("description:", "description: drive:", "not allowed here; put the text in quotes, since it contains a colon"),
        ("    samples: 6", "    samples: 6\n    samples: 9", "the key 'samples' is given twice, in lines 10 and 11"),
        ("      horizon: 32", "      horizon: 32\n      'horizon': 8", "'horizon' is given twice, in lines"),
        ("name: cartpole", "name: a\nname: cartpole", "'name' is given twice, in lines 1 and 2"),
    ],
)
def test_a_mistake_in_a_task_file_is_named_with_its_line(copy: Path, old: str, new: str, expected: str):
    with pytest.raises(UserError, match=expected) as caught:
        load_task(edit(copy, old, new))
    assert "\n" not in str(caught.value) and str(copy) in str(caught.value)


def test_both_baselines_are_optional(copy: Path):
    edit(copy, "human: cartpole/rewards/human.py", "")
    task = load_task(str(copy))
    assert task.baselines == ("sparse",) and task.reward_file("sparse") == task.rewards["sparse"]
    edit(copy, "sparse: cartpole/rewards/sparse.py", "")
    task = load_task(str(copy))
    assert task.baselines == () and task.sources() == [task.path, task.module]
    assert task.reward_file("human.py") == Path("human.py")
    with pytest.raises(UserError, match=f"cartpole has no reward human: add the key `human: FILE` to {copy}"):
        task.reward_file("human")


@pytest.mark.parametrize("text", ["1e6", "1.0e6", "'1e6'", "1.0e+6", "1_000_000", "1000000"])
def test_whole_numbers_may_have_an_exponent(copy: Path, text: str):
    edit(copy, "steps: 131072", f"steps: {text}")
    edit(copy, "hidden: [64, 64]", "hidden: [1e2, 64]")
    cpu = load_task(str(copy)).preset("cpu")
    assert (cpu.steps, cpu.learning.hidden) == (1_000_000, (100, 64)) and type(cpu.steps) is int


@pytest.mark.parametrize("text", ["1.5", "1e-1", "1e400", ".nan", "many"])
def test_a_fraction_is_no_whole_number(copy: Path, text: str):
    with pytest.raises(UserError, match=r"presets\.cpu\.steps: "):
        load_task(edit(copy, "steps: 131072", f"steps: {text}"))


def test_a_yaml_cannot_make_python_objects(copy: Path):
    with pytest.raises(UserError, match="not valid YAML"):
        load_task(edit(copy, "name: cartpole", "name: !!python/object/apply:os.system ['true']"))


def test_a_file_that_holds_no_keys_is_no_task(tmp_path: Path):
    (tmp_path / "x.yaml").write_text("- 1\n- 2\n")
    with pytest.raises(UserError, match="a task file must be a mapping"):
        load_task(str(tmp_path / "x.yaml"))


def test_every_setting_is_documented_and_read_somewhere():
    """No dead switches: every field's name is used as an attribute outside the models."""
    used = set()
    for source in (shipped("tasks").parent / "eureka").rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Attribute):
                used.add(node.attr)
    for model in (TaskFile, Preset, Settings, Learning, Evaluation):
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name} has no description"
            assert name in used, f"{model.__name__}.{name} is read by nobody"
    assert "no_such_setting" not in used


def test_evaluation_is_cut_down_to_its_share():
    full = Evaluation(checkpoints=10, selection_episodes=8, report_episodes=64)
    assert full.within(1e9, 500) == full
    cut = full.within(0.25 * 100_000, 500)
    assert cut.steps(500) <= 25_000
    least = full.within(0, 500)
    assert (least.checkpoints, least.selection_episodes, least.report_episodes) == (1, 2, 4)


def test_iterations_are_whole_and_at_least_one():
    preset = Preset(generations=1, samples=1, worlds=64, steps=5000, learning=Learning(horizon=16))
    assert preset.iterations == 4
    assert preset.model_copy(update={"steps": 1}).iterations == 1


def test_near_keys_are_looked_for_where_the_mistake_is():
    assert settings._keys_at(TaskFile, ("presets", "cpu", "learning")) == list(Learning.model_fields)
    assert settings._keys_at(TaskFile, ()) == list(TaskFile.model_fields)
