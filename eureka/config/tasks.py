"""Loads tasks: a YAML file by path, a shipped task by name, a Gymnasium environment by id."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eureka.config.parameters import Curriculum, Values
from eureka.config.settings import Evaluation, Learning, Preset, PresetName, _Strict, first_problem
from eureka.errors import UserError, did_you_mean
from eureka.system.paths import shipped

PREFIX = "gymnasium:"  # Prefix of a Gymnasium id, in `task` of a YAML file and on the command line
BASELINE = "environment"  # The only baseline of a Gymnasium task: the environment's own reward
PROGRAM = '{"environment": true}'
"""Placeholder for the program of that baseline. Pre-flight rejects it as a candidate: it is not a valid program."""
FIELD = "reward of the environment"  # state field with that reward. Hidden from designers; not a valid argument name


class TaskFile(_Strict):
    """Contents of a task's YAML file."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="short name, used in file names")
    description: str = Field(min_length=1, description="the goal in one sentence, shown to the designer")
    task: str = Field(pattern=r"^[^:]+\.py:[A-Za-z_]\w*$", description="FILE.py:CLASS, relative to the YAML file")
    human: str = Field(description="file of the hand-written baseline reward")
    sparse: str = Field(description="file of the baseline that uses the fitness as reward")
    parameters: Values = Field(default={}, description="values of the class's parameters, for all presets")
    presets: dict[PresetName, Preset] = Field(description="run sizes for a CPU, for a GPU, and as in the paper")


_GENERAL: dict[PresetName, Preset] = {  # default sizes for a Gymnasium environment
    "cpu": Preset(
        generations=3,
        samples=6,
        worlds=32,
        steps=262_144,
        learning=Learning(horizon=64, hidden=(64, 64), epochs=8, minibatches=8, learning_rate=3e-4),
        evaluation=Evaluation(checkpoints=8, selection_episodes=4, report_episodes=32),
    )
}


class EnvironmentFile(_Strict):
    """Contents of the YAML file of a Gymnasium task. An id given without a file uses the defaults."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="short name; default: derived from the id")
    task: str = Field(
        pattern=rf"^{PREFIX}\S+$", description="gymnasium:ID, or gymnasium:MODULE:ID to import MODULE first"
    )
    description: str = Field(default="", description="the goal in one sentence; default: from its documentation")
    fitness: str = Field(
        default="return",
        pattern=r"^(return|info\.\S+)$",
        description="return (undiscounted), or info.KEY (its value at the end of an episode)",
    )
    presets: dict[PresetName, Preset] = Field(default=_GENERAL, description="run sizes")

    @property
    def identifier(self) -> str:
        """The Gymnasium id, with its module if given."""
        return self.task.removeprefix(PREFIX)


class LoadedTask(BaseModel):
    """A task file and the paths of its parts."""

    model_config = ConfigDict(frozen=True)

    path: Path = Field(description="absolute path of the YAML file, or gymnasium:ID without one")
    file: TaskFile | EnvironmentFile = Field(description="its contents")

    @property
    def on_disk(self) -> bool:
        return not str(self.path).startswith(PREFIX)

    @property
    def shipped(self) -> bool:
        """Whether the task ships with Eureka and is found by name."""
        return self.path.parent == shipped("tasks")

    def beside(self, relative: str) -> Path:
        return self.path.parent / relative

    @property
    def module(self) -> Path:
        return self.beside(self.file.task.partition(":")[0])

    @property
    def class_name(self) -> str:
        return self.file.task.partition(":")[2]

    @property
    def rewards(self) -> dict[str, Path]:
        """Files of the baseline rewards by name. Empty for a Gymnasium task: its own reward is the baseline."""
        if isinstance(self.file, EnvironmentFile):
            return {}
        return {"human": self.beside(self.file.human), "sparse": self.beside(self.file.sparse)}

    @property
    def curriculum(self) -> Curriculum:
        """The parameters for all presets."""
        return Curriculum(self.file.parameters if isinstance(self.file, TaskFile) else {})

    def preset(self, name: str) -> Preset:
        """A preset with the parameters for all presets; UserError if there is none of this name."""
        found = self.file.presets.get(name)  # type: ignore[call-overload]
        if found is None:
            raise UserError(f"{self.path} has no preset {name!r}; it has {', '.join(self.file.presets)}")
        return found.model_copy(update={"parameters": {**self.curriculum.parameters, **found.parameters}})

    @property
    def baselines(self) -> tuple[str, ...]:
        """Names of the rewards that the winner is compared with."""
        return tuple(self.rewards) or (BASELINE,)

    def sources(self) -> list[Path]:
        """All files that determine the task's results."""
        if isinstance(self.file, EnvironmentFile):
            return [self.path] if self.on_disk else []
        return [self.path, self.module, *self.rewards.values()]


def shipped_tasks() -> list[str]:
    """Names of the shipped tasks."""
    return sorted(path.stem for path in shipped("tasks").glob("*.yaml"))


def find_task(name: str) -> Path:
    """Path of the YAML file for a path or a shipped task's name; gymnasium:ID is returned unchanged."""
    given = Path(name)
    if name.startswith(PREFIX):
        return given
    if given.suffix in {".yaml", ".yml"} or len(given.parts) > 1:
        # `tasks/cartpole.yaml` names the shipped task from any working directory.
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
    return f"give a shipped task ({', '.join(shipped_tasks())}), the path of a YAML file, or gymnasium:ID"


def load_task(name: str) -> LoadedTask:
    """Load and validate a task; UserError for a YAML file, or a file named there, that is missing or invalid."""
    path = find_task(name)
    if name.startswith(PREFIX):
        if not re.fullmatch(rf"{PREFIX}\S+", name):
            raise UserError(f"{name!r} is not an environment; give an id, e.g. gymnasium:Hopper-v5")
        return LoadedTask(path=path, file=EnvironmentFile(name=_task_name(name), task=name))
    try:
        text = path.read_text(encoding="utf-8")
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        where = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"{path}{where}: not valid YAML: {error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid YAML: {error}") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    if not isinstance(data, dict):
        raise UserError(f"{path}: a task file must be a mapping with the keys {', '.join(TaskFile.model_fields)}")
    by_id = str(data.get("task", "")).startswith(PREFIX)
    model = EnvironmentFile if by_id else TaskFile
    try:
        file = model.model_validate({"name": _task_name(str(data["task"]))} | data if by_id else data)
    except ValidationError as error:
        location, problem = first_problem(model, error)
        raise UserError(f"{path}{_line_of(text, location)}: {problem}") from None
    task = LoadedTask(path=path, file=file)
    for source in task.sources():
        if not source.is_file():
            raise UserError(f"{path} names {source.relative_to(path.parent)}, but that file does not exist")
    return task


def _task_name(task: str) -> str:
    """Derive a task name from an environment's id, e.g. hopper_v5 from gymnasium:Hopper-v5."""
    word = re.sub(r"[^a-z0-9]+", "_", task.removeprefix(PREFIX).rpartition(":")[2].lower()).strip("_")
    return word if word[:1].isalpha() else f"task_{word}"


def _line_of(text: str, location: tuple[str | int, ...]) -> str:
    """Format the line of `location` in a YAML text, e.g. `, line 7`; the nearest parent if it is missing."""
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
