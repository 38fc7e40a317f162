"""Environments outside Gymnasium's interface: they play where that is harmless, or end in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support import odd_environments
from support.cli import Cli, sentence

from eureka.config.description import Description
from eureka.config.tasks import EnvironmentFile, LoadedTask
from eureka.designers import prompts
from eureka.envs.gymnasium.description import describe
from eureka.envs.gymnasium.env import GymnasiumEnv, GymnasiumTask
from eureka.errors import UserError
from eureka.workers.process import environment

HERE = {"PYTHONPATH": str(Path(odd_environments.__file__).parent)}
STEPS = 65  # more than an episode
LINE = r"odd_environments\.py, line \d+"
BROKEN = {
    "OldReset": rf"has the old interface of gym: its reset\(\) \(.*{LINE}\) must take seed and options",
    "OldSeededReset": rf"reset\(\) \(.*{LINE}\) returned a ndarray; it must .* return the two values",
    "NoOptions": rf"has the old interface of gym: its reset\(\) \(.*{LINE}\) must take seed and options",
    "OldStep": rf"has the old interface of gym: its step\(\) \(.*{LINE}\) must return the five values",
    "NoStep": rf"step\(\) \(.*{LINE}\) must return the five values",
    "Column": rf"\(.*{LINE}\) returned an observation of shape \(2, 1\), but observation_space has \(2,\)",
    "LongObs": rf"\(.*{LINE}\) returned an observation of shape \(3,\), but observation_space has \(2,\)",
    "LateLongObs": rf"step\(\) \(.*{LINE}\) returned an observation of shape \(3,\)",
    "NoObs": r"returned an observation of shape \(\)",
    "NanObs": r"reset\(\) .* returned NaN or infinity in an observation",
    "LostEntry": r"an observation that does not fit observation_space \(KeyError: 'room'\)",
    "TextAction": r"has Text actions; supported are Box, Discrete, MultiDiscrete, MultiBinary",
    "NoSpaces": r"observes a NoneType",
    "NoReward": rf"step\(\) \(.*{LINE}\) returned the reward None, which is not a number",
    "TextReward": r"returned the reward '1.0', which is not a number",
    "ManyRewards": r"returned the reward array\(\[1., 2.\]\)",
    "TextOver": r"returned 'no' for terminated or truncated",
    "ListInfo": r"returned info that is a list of 2 values; it must be a dictionary",
    "Kwargs": r"cannot be made: TypeError: .* missing 1 required positional argument: 'goal'; .* the key kwargs:",
    "Silent": rf'cannot be made: AssertionError: assert given == "nothing" \(.*{LINE}\)',
    "ExitsProcess": rf"failed in step\(\): SystemExit: licence expired \(.*{LINE}\)",
    "Raises": rf"failed in step\(\): RuntimeError: joint limit table is empty \(.*{LINE}\)",
    "DeepRaise": rf"failed in reset\(\): ValueError: need at least one array to concatenate \(.*{LINE}\)",
}
ELSEWHERE = {"WritesOutside", "Reads"}  # need a process
NAMES = [
    cls.__name__ for cls in vars(odd_environments).values() if isinstance(cls, type) and cls.__module__ in str(cls)
]
ODD = [n for n in NAMES if issubclass(getattr(odd_environments, n), odd_environments.Point)]


def task_of(name: str, fitness: str = "return") -> GymnasiumTask:
    return GymnasiumTask(EnvironmentFile(name="x", task=f"gymnasium:{name}", fitness=fitness))


def played(task: GymnasiumTask, steps: int = STEPS) -> tuple[GymnasiumEnv, dict[str, torch.Tensor], torch.Tensor]:
    """Two worlds after some steps at the actions' limits, the last fields, and the fitness of the first episodes."""
    env = task.open(torch.zeros(1, dtype=torch.int64), 2, "test")
    env.reset()
    fields: dict[str, torch.Tensor] = {}
    fitness = torch.full((1, 2), torch.nan)
    for i in range(steps):
        action = torch.full((1, 2, task.action_size), float(i % 3 - 1))
        step = env.step(action, lambda found: (fields.update(found), torch.zeros(1, 2))[1])
        ended = (step.terminated | step.timed_out) & fitness.isnan()
        fitness = torch.where(ended, step.fitness, fitness)
    return env, fields, fitness


def told(task: GymnasiumTask) -> Description:
    return describe(LoadedTask(path=Path(task.file.task), file=task.file), task, {})


@pytest.mark.filterwarnings("ignore:.*render_modes")
@pytest.mark.parametrize("name", [n for n in ODD if n not in BROKEN.keys() | ELSEWHERE])
def test_what_is_harmless_plays(name: str):
    task = task_of(f"Odd{name}-v0")
    env, fields, fitness = played(task)
    assert fitness.isfinite().all() and env.diverged.sum() == 0
    state = told(task).state
    assert all(f.name.isidentifier() for f in state) and len({f.name for f in state}) == len(state)
    assert {f.name: f.shape for f in state}.items() <= {n: tuple(v.shape[1:]) for n, v in fields.items()}.items()
    assert task.exact or name == "Unlike"


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_ends_in_one_sentence_that_names_it(name: str):
    with pytest.raises(UserError, match=rf"^gymnasium:Odd{name}-v0\b.*{BROKEN[name]}") as raised:
        played(task_of(f"Odd{name}-v0"))
    assert "\n" not in str(raised.value)


def test_torchs_default_dtype_is_kept():
    task = task_of("OddDoubleTorch-v0")
    assert torch.get_default_dtype() == torch.float32  # after make
    env, fields, _ = played(task, steps=1)
    assert torch.get_default_dtype() == torch.float32
    assert {env.observation.dtype, *(value.dtype for value in fields.values())} == {torch.float32}
    env.reset()
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.parametrize("identifier", ["my_lab/Nested-v0", "OddNoVersion"])
def test_ids_with_a_namespace_or_without_a_version_play(identifier: str):
    assert played(task_of(identifier))[2].isfinite().all()


def test_numbers_of_an_info_are_never_cut_and_the_last_one_counts():
    env, fields, _ = played(task_of("OddMixedInfo-v0"), steps=34)
    assert fields["info_mixed"].tolist() == [1, 1] and torch.equal(fields["info_gap"], fields["observation"][:, 0])
    gap = fields["info_gap"]
    env, fields, fitness = played(task_of("OddMixedInfo-v0", "info.mixed"), steps=60)
    assert fields["info_mixed"].tolist() == [0.75, 0.75] and fitness.tolist() == [[0.75, 0.75]]
    assert torch.equal(fields["info_gap"], gap), "of a key that is None later, the last number"
    assert env.told.abs().sum() == 0, "and a new episode begins without any"


def test_a_fitness_may_be_reported_only_at_the_end_and_carry_a_sign():
    assert played(task_of("OddAtEnd-v0", "info.is_success"))[2].tolist() == [[1, 1]]
    task = task_of("OddAtEnd-v0", "-info.left")
    assert torch.equal(played(task)[2], torch.full((1, 2), -0.3))
    assert any("fitness is minus info.left, its last number in an episode" in line for line in told(task).assumptions)
    assert not any(f.name.startswith("info_") for f in told(task).state), "no field, since not every step reports it"
    plain, minus = (played(task_of("OddPoint-v0", fitness))[2] for fitness in ("return", "-return"))
    assert torch.equal(plain, -minus)


def test_a_fitness_that_is_not_reported_in_every_episode_is_refused_with_what_was_seen():
    with pytest.raises(UserError, match=r"steps of random play 8 episodes ended, and it reports .* only [1-7] of them"):
        task_of("OddSometimes-v0", "info.is_success")
    with pytest.raises(
        UserError, match=r"8 episodes ended, and it has no info.success; it has info.is_success, info.left"
    ):
        task_of("OddAtEnd-v0", "info.success")


def test_entries_of_an_observation_are_fields_and_the_policy_sees_them_in_order():
    task = task_of("OddGoalDict-v0")
    env, fields, _ = played(task, steps=3)
    order = ("achieved_goal", "desired_goal", "observation")
    assert torch.equal(env.observation[0], torch.cat([fields[name] for name in order], dim=1))
    assert any(
        "in this order: achieved_goal (1), desired_goal (1), observation (1)" in a for a in told(task).assumptions
    )
    _, fields, _ = played(task_of("OddPair-v0"), steps=1)
    assert fields["observation_1_grid"][0].tolist() == [[0, 1, 2], [3, 4, 5]]
    _, fields, _ = played(task_of("OddBits-v0"), steps=1)
    assert fields["room"][0].tolist() == [0, 0, 1, 0] and fields["switch"][0].tolist() == [1, 0, 1]
    assert "last_reward" not in played(task_of("OddNames-v0"), steps=1)[1]


def test_worlds_that_share_an_array_see_their_own_observations():
    seen = played(task_of("OddSharedObs-v0"), steps=1)[0].observation[0, :, 0]
    assert seen[0] != seen[1]


def test_odd_limits_of_actions_are_told():
    assert any("no effect have the actions 0," in line for line in told(task_of("OddFixed-v0")).assumptions)
    for name in ("HalfOpen", "Huge"):
        assert any("unbounded actions get values in [-1, 1]" in a for a in told(task_of(f"Odd{name}-v0")).assumptions)
    half = task_of("OddHalfOpen-v0")
    assert (half.actions.low.tolist(), half.actions.high.tolist()) == ([5, 1], [7, 3])


@pytest.mark.parametrize(
    ("name", "choices", "action", "read", "moved"),
    [
        ("Choice", (3,), [0.1, -2.0, 0.3], [0, 0, 1], 1.0),
        ("Choice", (3,), [0.3, -2.0, 0.1], [1, 0, 0], -1.0),
        ("Choices", (3, 2), [0.0, -1.0, 2.0, 7.0, 8.0], [0, 0, 1, 0, 1], 2.0),
        ("Switches", (2, 2), [1.0, 0.0, 0.0, 1.0], [1, 0, 0, 1], 1.0),
    ],
)
def test_the_largest_entry_of_each_choice_is_applied(
    name: str, choices: tuple[int, ...], action: list[float], read: list[int], moved: float
):
    task = task_of(f"Odd{name}-v0")
    assert task.actions.choices == choices and task.action_size == sum(choices)
    env = task.open(torch.zeros(1, dtype=torch.int64), 1, "test")
    before, fields = env.reset().clone(), {}
    step = env.step(torch.tensor([[action]]), lambda found: (fields.update(found), torch.zeros(1, 1))[1])
    assert fields["action"].tolist() == [read] and fields["last_action"].tolist() == [[0] * len(read)]
    assert step.observation[0, 0, 0] - before[0, 0, 0] == pytest.approx(0.1 * moved)
    assert env.step(torch.tensor([[action]]), lambda found: (fields.update(found), torch.zeros(1, 1))[1])
    assert fields["last_action"].tolist() == [read]


def test_choices_are_told_to_the_designer():
    text = "\n".join(m.content for m in prompts.first(told(task_of("OddChoices-v0"))))
    assert "An action (5 numbers) is applied" in text
    assert "It is 2 choices, of one of 3, 2, as one-hot numbers one after another." in text
    assert "action: (N, 5) one-hot for each choice, the action just applied" in text and "[-1, 1]" not in text
    description = told(task_of("OddChoice-v0")).trained_with(
        EnvironmentFile(name="x", task="gymnasium:y").presets["cpu"]
    )
    text = "\n".join(m.content for m in prompts.first(description))
    assert "It is a choice of one of 3, as one-hot numbers." in text
    assert "Its actions are drawn from the policy's probabilities." in text


def test_a_docstring_reaches_the_designer_but_for_the_reward():
    description = told(task_of("OddPoint-v0"))
    text = "\n".join(m.content for m in prompts.first(description)[1:])
    assert "Push the point to the goal. It starts anywhere in [-1, 1], and nothing stops it." in text
    assert "secret" not in text and description.goal == "Push the point to the goal"
    assert "It ends before that in this case: the environment ends it, by rules that it does not document." in text
    assert not any("documentation is missing" in line for line in description.assumptions)
    assert told(task_of("OddGoalDict-v0")).scene.startswith("Push the point"), "of the class that it is derived from"


def test_where_nothing_ends_an_episode_the_prompt_says_so():
    task = GymnasiumTask(EnvironmentFile(name="x", task="gymnasium:Pendulum-v1"))
    text = "\n".join(m.content for m in prompts.first(told(task)))
    assert "control steps (10 s). Nothing ends it before that." in text


def run(cli: Cli, name: str):
    return cli("run", f"gymnasium:odd_environments:Odd{name}-v0", "--dry-run", **HERE)


@pytest.mark.slow
def test_what_an_environment_prints_breaks_no_run(command: Cli):
    done = run(command, "Chatty")
    assert done.returncode == 0 and "from C" not in done.stdout, done.stderr


@pytest.mark.slow
def test_what_the_isolation_refuses_is_said_with_the_option_that_lifts_it(command: Cli, tmp_path: Path):
    said = sentence(run(command, "WritesOutside"))
    assert "PermissionError" in said and "odd_environments.py, line" in said and "--open-trainer" in said


@pytest.mark.slow
def test_an_environment_that_reads_its_input_does_not_take_our_commands(command: Cli):
    assert "failed in step(): EOFError" in sentence(run(command, "Reads"))


@pytest.mark.slow
def test_a_module_in_the_current_folder_is_found_on_a_relative_path(command: Cli, tmp_path: Path):
    (tmp_path / "mine.py").touch()
    said = sentence(command("run", "gymnasium:mine:Mine-v0", "--dry-run"))
    assert "Python package 'mine' not found; it is in the current folder, so run PYTHONPATH=. eureka" in said


def test_entries_of_pythonpath_are_absolute_in_workers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", ".:lib::/abs")
    assert environment()["PYTHONPATH"] == f"{tmp_path}:{tmp_path / 'lib'}:{tmp_path}:/abs"
    monkeypatch.setenv("PYTHONPATH", "")
    assert environment()["PYTHONPATH"] == ""


@pytest.mark.slow
def test_a_written_class_drives_actuators_without_limits(cli: Cli, tmp_path: Path):
    (tmp_path / "free.xml").write_text(
        "<mujoco><worldbody><body name='b'><joint name='j' axis='1 0 0'/><geom size='.1'/></body></worldbody>"
        "<actuator><motor name='free' joint='j'/></actuator></mujoco>"
    )
    (tmp_path / "free_env.py").write_text(
        "from pathlib import Path\nimport gymnasium as gym, numpy as np\nfrom gymnasium.envs.mujoco import MujocoEnv\n"
        "class Free(MujocoEnv):\n    metadata = {'render_modes': ['human', 'rgb_array', 'depth_array', 'rgbd_tuple'], "
        "'render_fps': 100}\n    def __init__(self, **k):\n        space = gym.spaces.Box(-9, 9, (2,), np.float64)\n"
        "        super().__init__(str(Path(__file__).with_name('free.xml')), 5, space, **k)\n"
        "    def _get_obs(self): return np.concatenate([self.data.qpos, self.data.qvel])\n"
        "    def reset_model(self): return self._get_obs()\n"
        "    def step(self, a):\n        self.do_simulation(a, self.frame_skip)\n"
        "        return self._get_obs(), 0.0, False, False, {}\ngym.register('Free-v0', entry_point=Free)\n"
        "import atexit\natexit.register(print, 'closed')\nprint('hello')\n"
    )
    done = cli("new-task", "pusher2", "--from", "gymnasium:free_env:Free-v0", PYTHONPATH=".")
    assert done.returncode == 0, done.stderr  # whatever the module prints, also at exit
    text = (tmp_path / "pusher2" / "task.py").read_text()
    assert "or unchanged where it has none: free." in text
    done = cli("check", "pusher2.yaml", "--reward", "pusher2/rewards/human.py", PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
