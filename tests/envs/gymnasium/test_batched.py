"""Gymnasium's MuJoCo environments by id: they are tasks on batched physics, and mistakes get one sentence."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import gymnasium.envs.mujoco
import numpy as np
import pytest
from support.cli import Cli, sentence

from eureka.config.parameters import Curriculum
from eureka.config.tasks import TaskFile, load_task
from eureka.envs.gymnasium.batched import MujocoTask
from eureka.envs.introspection import load_class
from eureka.errors import UserError
from eureka.gym import VectorTask
from eureka.system.paths import shipped

ASSETS = Path(inspect.getfile(gymnasium.envs.mujoco.MujocoEnv)).parent / "assets"  # type: ignore[attr-defined]
SIZES = "presets:\n  cpu: {generations: 1, samples: 1, worlds: 8, steps: 2048, final_seeds: 2, validation_seeds: 0,\n"
SIZES += "    learning: {horizon: 32, hidden: [8], epochs: 1, minibatches: 1}, evaluation: {checkpoints: 1, "
SIZES += "selection_episodes: 2, report_episodes: 2}}\n"


def test_an_id_is_the_shipped_task_that_stands_for_it():
    loaded = load_task("gymnasium:Hopper-v5")
    assert loaded.path == load_task("hopper_v5").path == load_task("tasks/gymnasium/hopper_v5.yaml").path
    assert isinstance(loaded.file, TaskFile) and loaded.shipped and loaded.baselines == ("human",)
    assert isinstance(load_class(loaded), MujocoTask)
    assert not isinstance(load_task("gymnasium:Hopper-v4").file, TaskFile), "another version is another environment"


def test_every_id_stands_for_a_task_of_its_environment():
    import yaml

    for identifier, name in yaml.safe_load((shipped("tasks") / "gymnasium" / "ids.yaml").read_text()).items():
        task = load_class(load_task(f"gymnasium:{identifier}"))
        assert isinstance(task, MujocoTask) and task.identifier == identifier
        assert load_task(name).file.name == name


def own(folder: Path, text: str) -> Path:
    yaml = folder / "own.yaml"
    yaml.write_text(text)
    return yaml


def test_a_yaml_of_an_id_keeps_what_it_says_and_takes_the_rest_from_the_shipped_task(tmp_path: Path):
    yaml = own(
        tmp_path,
        "task: gymnasium:Hopper-v5\ndescription: hop far\nfitness: -info.x_position\n"
        f"kwargs: {{max_episode_steps: 7, healthy_reward: 2}}\n{SIZES}",
    )
    loaded = load_task(str(yaml))
    assert loaded.path == yaml and loaded.sources() == [yaml] and not loaded.shipped
    assert loaded.file.description == "hop far" and list(loaded.file.presets) == ["cpu"]
    task = load_class(loaded)
    assert isinstance(task, MujocoTask) and task.horizon == 7 and task.arguments.healthy_reward == 2
    assert task.fitness_unit == "m"
    plain = load_task(str(own(tmp_path, "task: gymnasium:Hopper-v5\n")))
    assert plain.file.description == load_task("hopper_v5").file.description
    assert list(plain.file.presets) == ["cpu", "gpu", "bird"]


def test_constants_of_the_human_reward_follow_the_arguments(tmp_path: Path):
    text = "task: gymnasium:Humanoid-v5\nkwargs: {healthy_reward: 2, contact_cost_range: [-.inf, 3]}\n"
    code = load_task(str(own(tmp_path, text))).reward_code("human")
    assert "\nHEALTHY_REWARD = 2\n" in code and "\nFORWARD_REWARD_WEIGHT = 1.25\n" in code
    assert '\nCONTACT_COST_RANGE = (float("-inf"), 3)\n' in code


@pytest.mark.parametrize(
    "environment, more, expected",
    [
        ("Hopper", "kwargs: {ctrl_cost: 1}", "has no argument 'ctrl_cost' (did you mean 'ctrl_cost_weight'?); it has"),
        ("Hopper", "kwargs: {ctrl_cost_weight: much}", "ctrl_cost_weight cannot be 'much': Input should be a valid "),
        ("Hopper", "kwargs: {healthy_z_range: 3}", "healthy_z_range cannot be 3: Input should be a valid tuple"),
        ("Hopper", "kwargs: {healthy_z_range: [3]}", "healthy_z_range cannot be [3]: "),
        ("Hopper", "kwargs: {render_mode: rgb_array}", "render_mode is about pictures, and no training draws any"),
        ("Hopper", "kwargs: {width: 64}", "width is about pictures"),
        ("Hopper", "kwargs: {frame_skip: 0}", "frame_skip must be at least 1, not 0"),
        ("Hopper", "kwargs: {frame_skip: 1.5}", "frame_skip cannot be 1.5: "),
        ("Hopper", "kwargs: {max_episode_steps: 0}", "max_episode_steps is a number of control steps, at least 1"),
        ("Hopper", "kwargs: {reset_noise_scale: -1}", "reset_noise_scale must be a number of at least 0, not -1"),
        ("Hopper", "kwargs: {reset_noise_scale: .nan}", "reset_noise_scale must be a number of at least 0, not nan"),
        ("Hopper", "kwargs: {xml_file: ./none.xml}", "none.xml; give xml_file as a path, or as ./PATH beside the YAML"),
        ("Hopper", "kwargs: {xml_file: none.xml}", "none.xml; give xml_file as a path, or as ./PATH beside the YAML"),
        ("Hopper", "kwargs: {xml_file: ./broken.xml}", "broken.xml does not compile: XML parse error"),
        ("Hopper", "kwargs: {xml_file: ./still.xml}", "still.xml has no actuator, and so no action"),
        ("Hopper", "kwargs: {xml_file: ./free.xml}", "free.xml has the actuator push without a ctrlrange"),
        ("Hopper", "kwargs: {xml_file: inverted_pendulum.xml}", "has 2 joint coordinates (qpos), of which the "),
        ("Humanoid", "kwargs: {xml_file: inverted_pendulum.xml}", "has 2 joint coordinates (qpos), of which the "),
        ("InvertedDoublePendulum", "kwargs: {xml_file: hopper.xml}", "hopper.xml has 0 sites, of which the "),
        ("Reacher", "kwargs: {xml_file: ant.xml}", "ant.xml has no body 'fingertip'"),
        ("Pusher", "kwargs: {xml_file: reacher.xml}", "reacher.xml has no body 'tips_arm'"),
        ("Ant", "kwargs: {main_body: tors}", "main_body: the scene has no body 'tors'"),
        ("Ant", "kwargs: {main_body: 99}", "main_body: the scene has no body 99"),
        ("Hopper", "kwargs: {fitness: return}", "fitness is a key of the file itself, not one of kwargs; move it"),
        ("Hopper", "parameters: {mass: 1}", "line 2: unknown key 'parameters'"),
        (
            "Hopper",
            SIZES.replace("2048", "2048, parameters: {x: 1}"),
            "parameters.x in the preset cpu of own.yaml: Hopper has no such parameter; it has none",
        ),
    ],
)
def test_a_mistake_in_a_yaml_gets_one_sentence(tmp_path: Path, environment: str, more: str, expected: str):
    (tmp_path / "broken.xml").write_text("<mujoco><worl")
    joints = "".join(f"<joint name='j{i}' type='slide'/>" for i in range(3))
    body = f"<worldbody><body>{joints}<geom size='1'/></body></worldbody>"
    (tmp_path / "still.xml").write_text(f"<mujoco>{body}</mujoco>")
    motor = "<actuator><motor name='push' joint='j0'/></actuator>"
    (tmp_path / "free.xml").write_text(f"<mujoco>{body}{motor}</mujoco>")
    with pytest.raises(UserError, match=re.escape(expected)) as raised:
        loaded = load_task(str(own(tmp_path, f"task: gymnasium:{environment}-v5\n{more}\n")))
        load_class(loaded, Curriculum(loaded.preset("cpu").parameters))
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 600


def test_a_class_without_arguments_takes_no_kwargs(tmp_path: Path):
    text = load_task("cartpole").path.read_text()
    folder = load_task("cartpole").path.parent
    for key in ("task", "human", "sparse"):
        text = text.replace(f"{key}: cartpole/", f"{key}: {folder}/cartpole/")
    loaded = load_task(str(own(tmp_path, f"kwargs: {{length: 2}}\n{text}")))
    with pytest.raises(UserError, match=r"own.yaml: Cartpole has no argument 'length'; it has none$"):
        load_class(loaded)


def test_mistakes_reach_the_user_in_one_sentence(cli: Cli, tmp_path: Path):
    yaml = own(tmp_path, "task: gymnasium:Hopper-v5\nfitness: info.x_positio\n")
    assert "has no info.x_positio (did you mean 'x_position'" in sentence(cli("check", yaml))


@pytest.mark.slow
def test_a_parameter_on_the_command_line_gets_one_sentence(cli: Cli):
    said = sentence(cli("check", "gymnasium:Hopper-v5", "--set", "parameters.x=1"))
    assert said == "error: parameters.x: Hopper has no such parameter; it has none"


def test_a_python_program_gets_the_human_reward_with_the_arguments_too(tmp_path: Path):
    yaml = own(tmp_path, "task: gymnasium:HalfCheetah-v5\nkwargs: {ctrl_cost_weight: 100}\n")
    env = VectorTask(yaml, num_envs=2, reward="human")
    env.reset(seed=0)
    action = np.full((2, 6), 0.5, np.float32)
    _, reward, *_ = env.step(action)
    assert (np.abs(reward + 100 * 6 * 0.25) < 10).all()


@pytest.mark.slow
def test_a_scene_for_another_robot_is_played_if_it_has_what_the_environment_reads(cli: Cli, tmp_path: Path):
    done = cli("check", own(tmp_path, "task: gymnasium:Hopper-v5\nkwargs: {xml_file: ant.xml}\n"), "--reward", "human")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_run_of_an_own_yaml_is_resumed_and_shows_the_human_reward_as_it_was_trained(command: Cli, tmp_path: Path):
    yaml = own(
        tmp_path,
        f"task: gymnasium:HalfCheetah-v5\nfitness: info.x_position\nkwargs: {{ctrl_cost_weight: 0.25}}\n{SIZES}",
    )
    done = command("run", yaml, "--out", "run", "--start", "human")
    assert done.returncode == 0, done.stderr
    assert "settotalmass" not in done.stdout + done.stderr, "a warning that is not for users"
    result = (tmp_path / "run" / "result.json").read_bytes()
    arms = {arm["name"] for arm in json.loads(result)["comparison"]["arms"]}
    assert arms == {"evolved", "human"}
    assert any(path.read_bytes() == yaml.read_bytes() for path in (tmp_path / "run").rglob("*.yaml"))
    journal = tmp_path / "run" / "events.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[: len(lines) // 2]))
    (tmp_path / "run" / "result.json").unlink()
    again = command("resume", "run")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "run" / "result.json").read_bytes() == result
    assert "CTRL_COST_WEIGHT = 0.25" in command("inspect", "run", "--candidate", "0.0").stdout
    assert "CTRL_COST_WEIGHT = 0.25" in (tmp_path / "run" / "baselines" / "human" / "reward.py").read_text()
