"""Task files and names: YAML checked on load, shipped tasks found by name, Gymnasium environments by id."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eureka.config.settings import Evaluation, Learning, Preset, PresetName, _Strict, first_problem
from eureka.errors import UserError, did_you_mean
from eureka.system.paths import shipped

PREFIX = "gymnasium:"
"""Before an id, in a YAML's `task` and on the command line."""
BASELINE = "environment"
"""The only baseline of such a task: the environment's own reward."""
PROGRAM = '{"environment": true}'
"""Stands where a reward program would. No candidate can send it: it is none, and pre-flight refuses it."""
FIELD = "reward of the environment"
"""The state field that holds it. No argument can have this name, and no designer is told of it."""


class TaskFile(_Strict):
    """A task's YAML."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="short name, as in file names")
    description: str = Field(min_length=1, description="the goal in one sentence, shown to the designer")
    task: str = Field(pattern=r"^[^:]+\.py:[A-Za-z_]\w*$", description="FILE.py:CLASS, beside the YAML")
    human: str = Field(description="file of the hand-written baseline reward")
    sparse: str = Field(description="file of the baseline that rewards the fitness itself")
    presets: dict[PresetName, Preset] = Field(description="sizes of a run on a CPU, on a GPU, and in the paper")


_GENERAL: dict[PresetName, Preset] = {
    "cpu": Preset(
        generations=3,
        samples=6,
        worlds=32,
        steps=262_144,
        learning=Learning(horizon=64, hidden=(64, 64), epochs=8, minibatches=8, learning_rate=3e-4),
        evaluation=Evaluation(checkpoints=8, selection_episodes=4, report_episodes=32),
    )
}
"""Sizes for an environment of which nothing is known but its id."""


class EnvironmentFile(_Strict):
    """A task's YAML, where the task is an environment of Gymnasium's; an id alone stands for one that says no more."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="short name; by default made of the id")
    task: str = Field(
        pattern=rf"^{PREFIX}\S+$", description="gymnasium:ID, or gymnasium:MODULE:ID to import MODULE first"
    )
    description: str = Field(default="", description="the goal in one sentence; by default from its documentation")
    fitness: str = Field(
        default="return",
        pattern=r"^(return|info\.\S+)$",
        description="return (undiscounted), or info.KEY: its value at the end of an episode",
    )
    presets: dict[PresetName, Preset] = Field(default=_GENERAL, description="sizes of a run")

    @property
    def identifier(self) -> str:
        """What Gymnasium calls it."""
        return self.task.removeprefix(PREFIX)


class LoadedTask(BaseModel):
    """A task file together with where its parts are."""

    model_config = ConfigDict(frozen=True)

    path: Path = Field(description="the YAML, absolute; gymnasium:ID where there is none")
    file: TaskFile | EnvironmentFile = Field(description="its contents")

    @property
    def on_disk(self) -> bool:
        """Whether there is a YAML at all."""
        return not str(self.path).startswith(PREFIX)

    @property
    def shipped(self) -> bool:
        """Whether it came with this installation, so that its name is enough to find it."""
        return self.path.parent == shipped("tasks")

    def beside(self, relative: str) -> Path:
        """A file named in the YAML."""
        return self.path.parent / relative

    @property
    def module(self) -> Path:
        """The Python file with the task's class."""
        return self.beside(self.file.task.partition(":")[0])

    @property
    def class_name(self) -> str:
        """The class in it."""
        return self.file.task.partition(":")[2]

    @property
    def rewards(self) -> dict[str, Path]:
        """Baseline rewards by name; none for an environment named by its id, whose own reward is the baseline."""
        if isinstance(self.file, EnvironmentFile):
            return {}
        return {"human": self.beside(self.file.human), "sparse": self.beside(self.file.sparse)}

    @property
    def baselines(self) -> tuple[str, ...]:
        """Names of the rewards that a winner is compared with."""
        return tuple(self.rewards) or (BASELINE,)

    def sources(self) -> list[Path]:
        """Every file that the task's results depend on."""
        if isinstance(self.file, EnvironmentFile):
            return [self.path] if self.on_disk else []
        return [self.path, self.module, *self.rewards.values()]


def shipped_tasks() -> list[str]:
    """Names of the tasks that come with this installation."""
    return sorted(path.stem for path in shipped("tasks").glob("*.yaml"))


def find_task(name: str) -> Path:
    """The YAML for a path or the name of a shipped task; gymnasium:ID stands for itself."""
    given = Path(name)
    if name.startswith(PREFIX):
        return given
    if given.suffix in {".yaml", ".yml"} or len(given.parts) > 1:
        # `tasks/cartpole.yaml` names the shipped task even where no such file is beside the user.
        beside = shipped("tasks") / given.name
        if not given.is_file() and given.parent == Path("tasks") and beside.is_file():
            return beside
        if not given.is_file():
            raise UserError(f"no task file {name}{did_you_mean(given.stem, shipped_tasks())}; {_known()}")
        return given.resolve()
    path = shipped("tasks") / f"{name}.yaml"
    if not path.is_file():
        raise UserError(f"no task {name!r}{did_you_mean(name, shipped_tasks())}; {_known()}")
    return path


def _known() -> str:
    return (
        f"shipped tasks are {', '.join(shipped_tasks())}; your own is given by the path of its YAML, an environment by "
        "gymnasium:ID"
    )


def load_task(name: str) -> LoadedTask:
    """Read and check a task's YAML.

    Raises:
        UserError: it is missing, no YAML, has a wrong key or value, or names a file that does not exist.
    """
    path = find_task(name)
    if name.startswith(PREFIX):
        if not re.fullmatch(rf"{PREFIX}\S+", name):
            raise UserError(f"{name!r} names no environment; give its id, as in gymnasium:Hopper-v5")
        return LoadedTask(path=path, file=EnvironmentFile(name=_named(name), task=name))
    try:
        text = path.read_text(encoding="utf-8")
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        where = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"{path}{where}: not valid YAML: {error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid YAML: {error}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    if not isinstance(data, dict):
        raise UserError(f"{path}: a task file holds keys and values ({', '.join(TaskFile.model_fields)})")
    by_id = str(data.get("task", "")).startswith(PREFIX)
    model = EnvironmentFile if by_id else TaskFile
    try:
        file = model.model_validate({"name": _named(str(data["task"]))} | data if by_id else data)
    except ValidationError as error:
        location, problem = first_problem(model, error)
        raise UserError(f"{path}{_line_of(text, location)}: {problem}") from None
    task = LoadedTask(path=path, file=file)
    for source in task.sources():
        if not source.is_file():
            raise UserError(f"{path} names {source.relative_to(path.parent)}, and there is no such file beside it")
    return task


def _named(task: str) -> str:
    """A short name for an environment: hopper_v5 for gymnasium:Hopper-v5."""
    word = re.sub(r"[^a-z0-9]+", "_", task.removeprefix(PREFIX).rpartition(":")[2].lower()).strip("_")
    return word if word[:1].isalpha() else f"task_{word}"


def _line_of(text: str, location: tuple[str | int, ...]) -> str:
    """`, line 7` for a place in a YAML text, as near to it as the text goes."""
    node, line = yaml.compose(text), 1
    for part in location:
        if not isinstance(node, yaml.MappingNode):
            break
        for key, value in node.value:
            if key.value == str(part):
                node, line = value, key.start_mark.line + 1
                break
        else:
            break
    return f", line {line}"
