"""Loads tasks: a YAML file by path, a shipped task by name, a Gymnasium environment by id."""

from __future__ import annotations

import contextlib
import functools
import math
import os
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from eureka.config.external import ExternalFile
from eureka.config.naming import PREFIX, Name, task_name
from eureka.config.parameters import Curriculum, Values
from eureka.config.settings import Evaluation, Learning, Preset, PresetName, _Strict, first_problem
from eureka.errors import UserError, did_you_mean
from eureka.system.paths import shipped

BASELINE = "environment"  # The only baseline of a Gymnasium task: the environment's own reward
BASELINES = ("human", "sparse", BASELINE)
"""Names of the rewards that a task may have of its own. On the command line they are not names of files."""
PROGRAM = '{"environment": true}'
"""Placeholder for the program of that baseline. Pre-flight rejects it as a candidate: it is not a valid program."""
FIELD = "reward of the environment"  # state field with that reward. Hidden from designers; not a valid argument name


class _Loader(yaml.SafeLoader):
    """Refuses a key that a mapping has twice, of which PyYAML takes the last."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: dict[tuple[str, str], Any] = {}
        for key, _ in node.value:
            first = seen.setdefault((key.tag, str(key.value)), key)
            if first is not key:
                lines = f"lines {first.start_mark.line + 1} and {key.start_mark.line + 1}"
                raise yaml.MarkedYAMLError(problem=f"the key {key.value!r} is given twice, in {lines}")
        return node


class TaskFile(_Strict):
    """Contents of a task's YAML file."""

    name: Name = Field(description="short name, used in file names")
    description: str = Field(min_length=1, description="the goal in one sentence, shown to the designer")
    task: str = Field(description="FILE.py:CLASS, relative to the YAML file")
    human: str | None = Field(default=None, description="file of the hand-written baseline reward; None: there is none")
    sparse: str | None = Field(default=None, description="file of the baseline that uses the fitness as reward")
    kwargs: dict[str, Any] = Field(
        default={},
        description="arguments of the class; a constant of the same name in capitals in `human` or `sparse` follows",
    )
    parameters: Values = Field(default={}, description="values of the class's parameters, for all presets")
    presets: dict[PresetName, Preset] = Field(description="run sizes for a CPU, for a GPU, and as published")


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

    name: Name = Field(description="short name; default: derived from the id")
    task: str = Field(description="gymnasium:ID, or gymnasium:MODULE:ID to import MODULE first")
    description: str = Field(default="", description="the goal in one sentence; default: from its documentation")
    fitness: str = Field(
        default="return",
        description="return (undiscounted), or info.KEY (its last number in an episode); -return, -info.KEY: less is "
        "better",
    )
    kwargs: dict[str, Any] = Field(
        default={},
        description="arguments of the environment; a text that names a file beside the YAML becomes its path",
    )
    presets: dict[PresetName, Preset] = Field(default=_GENERAL, description="run sizes")

    @field_validator("fitness", mode="before")
    @classmethod
    def _is_fitness(cls, value: Any) -> Any:
        if not re.fullmatch(r"-?(return|info\..+)", str(value)):
            raise ValueError(
                "give return (the sum of the environment's rewards) or info.KEY (a number of its info), with - in "
                f"front if less is better, not {value!r}"
            )
        return str(value)

    @property
    def fitness_key(self) -> str | None:
        """The key of the info that is the fitness; None for the return."""
        name = self.fitness.removeprefix("-")
        return None if name == "return" else name.removeprefix("info.")

    @property
    def fitness_sign(self) -> float:
        """-1 if less is better, else 1."""
        return -1.0 if self.fitness.startswith("-") else 1.0

    @property
    def identifier(self) -> str:
        """The Gymnasium id, with its module if given."""
        return self.task.removeprefix(PREFIX)


class LoadedTask(BaseModel):
    """A task file and the paths of its parts."""

    model_config = ConfigDict(frozen=True)

    path: Path = Field(description="absolute path of the YAML file, or gymnasium:ID without one")
    file: TaskFile | EnvironmentFile | ExternalFile = Field(description="its contents")
    arguments: tuple[Path, ...] = Field(
        default=(), description="files beside it that an environment's kwargs, or a command's arguments, name"
    )
    original: str | None = Field(default=None, description="name or path of the task that this is a run's copy of")
    base: Path | None = Field(
        default=None, description="YAML file of the shipped task whose class and rewards a Gymnasium id stands for"
    )

    @property
    def on_disk(self) -> bool:
        return not str(self.path).startswith(PREFIX)

    @property
    def shipped(self) -> bool:
        """Whether the task ships with Eureka and is found by name."""
        return self.path in _shipped().values()

    def beside(self, relative: str) -> Path:
        return (self.base or self.path).parent / relative

    @property
    def unwritten(self) -> str:
        """What is still to be written in the YAML file; empty if nothing is."""
        if not self.file.description.lstrip().startswith("TODO"):
            return ""
        line = _line_of(self.path.read_text(encoding="utf-8"), ("description",))
        return f"{self.path}{line}: description is not written yet: state the goal in one sentence instead of TODO"

    @property
    def external(self) -> bool:
        """Whether a command of the user's trains the policies."""
        return isinstance(self.file, ExternalFile)

    @property
    def module(self) -> Path:
        return self.beside(self._class_path.partition(":")[0])

    @property
    def class_name(self) -> str:
        return self._class_path.partition(":")[2]

    @property
    def _class_path(self) -> str:
        assert isinstance(self.file, TaskFile)
        return self.file.task

    @property
    def rewards(self) -> dict[str, Path]:
        """Files of the baseline rewards by name. Empty for a Gymnasium task: its own reward is the baseline."""
        if isinstance(self.file, EnvironmentFile):
            return {}
        given = {"human": self.file.human, "sparse": self.file.sparse}
        return {name: self.beside(file) for name, file in given.items() if file}

    def reward_file(self, given: str) -> Path:
        """The file of the task's reward of this name, or else the path itself.

        Raises:
            UserError: it is the name of a reward that the task does not have, or of one without a file.
        """
        if given in self.rewards or given not in BASELINES:
            return self.rewards.get(given, Path(given))
        name, place = self.file.name, self.original or self.path
        if given in self.baselines:
            raise UserError(f"the reward {given} of {name} has no file; give a reward's file")
        if given in TaskFile.model_fields and isinstance(self.file, TaskFile):
            raise UserError(f"{name} has no reward {given}: add the key `{given}: FILE` to {place}, or give a file")
        raise UserError(f"{name} has no reward {given}; it has {' and '.join(self.baselines) or 'none'}")

    def reward_code(self, name: str) -> str:
        """The task's reward of this name, in which constants that are named like its arguments have their values."""
        code = self.rewards[name].read_text(encoding="utf-8")
        for argument, value in self.file.kwargs.items() if isinstance(self.file, TaskFile) else ():
            numbers = value if isinstance(value, list | tuple) else [value]
            if all(isinstance(number, int | float) for number in numbers):
                written = ", ".join(f'float("{n}")' if n in (math.inf, -math.inf) else repr(n) for n in numbers)
                written = written if value is numbers[0] else f"({written})"
                code = re.sub(
                    rf"^{argument.upper()} = .*$", f"{argument.upper()} = {written}", code, flags=re.MULTILINE
                )
        return code

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
        return (BASELINE,) if isinstance(self.file, EnvironmentFile) else tuple(self.rewards)

    def same_as(self, other: LoadedTask) -> bool:
        """Whether both are one file; where one is a run's copy, whether the contents are the same."""
        if self.path == other.path or not (self.original or other.original) or self.file != other.file:
            return self.path == other.path
        return [source.read_bytes() for source in self.sources()] == [path.read_bytes() for path in other.sources()]

    def sources(self) -> list[Path]:
        """All files that determine the task's results."""
        if isinstance(self.file, EnvironmentFile) or self.base:  # a base belongs to this installation, like the package
            return [self.path, *self.arguments] if self.on_disk else []
        own = self.arguments if self.external else [self.module]
        return [self.path, *dict.fromkeys([*own, *self.rewards.values()])]


def _beside(value: Any, folder: Path, files: list[Path]) -> Any:
    """Arguments of an environment in which paths relative to `folder` are absolute; adds files below it to `files`."""
    if isinstance(value, dict):
        return {key: _beside(inner, folder, files) for key, inner in value.items()}
    if isinstance(value, list):
        return [_beside(inner, folder, files) for inner in value]
    path = Path(os.path.normpath(folder / value)) if isinstance(value, str) else folder
    with contextlib.suppress(OSError, ValueError):  # a text that can be no path
        if path.is_file() and path.is_relative_to(folder):
            files.append(path)
            return str(path)
    return str(path) if isinstance(value, str) and value.startswith(("./", "../")) else value


_LARGEST_SCRIPT = 1 << 20  # Bytes; a larger file is data, which is neither copied nor hashed


def _scripts(file: ExternalFile, home: Path) -> list[Path]:
    """The files below `home` that the arguments of a task's command name, but for data: its script, a configuration."""
    found: list[Path] = []
    for argument in (*file.trainer.command, *file.trainer.describe):
        path = Path(os.path.normpath(home / file.trainer.folder / argument))
        with contextlib.suppress(OSError, ValueError):  # a text that can be no path
            small = path.is_file() and path.stat().st_size <= _LARGEST_SCRIPT
            if small and path.is_relative_to(home) and path not in found:
                found.append(path)
    return found


_IDS = "ids.yaml"
"""In a folder of `tasks/`: names of the tasks beside it that stand for Gymnasium ids."""


@functools.cache
def _shipped() -> dict[str, Path]:
    """YAML files of the shipped tasks, also those in folders of families, by name."""
    files = [*shipped("tasks").glob("*.yaml"), *shipped("tasks").glob("*/*.yaml")]
    return {path.stem: path for path in sorted(files) if path.name != _IDS}


def shipped_tasks() -> list[str]:
    """Names of the shipped tasks."""
    return sorted(_shipped())


def shipped_home(name: str) -> Path:
    """The folder of a shipped task's YAML file, also of one that another version shipped."""
    return _shipped().get(name, shipped("tasks") / name).parent


def _standing_for(identifier: str) -> Path | None:
    """YAML file of the shipped task that stands for a Gymnasium id, if there is one."""
    for ids in shipped("tasks").glob(f"*/{_IDS}"):
        if name := yaml.safe_load(ids.read_text(encoding="utf-8")).get(identifier):
            return ids.parent / f"{name}.yaml"
    return None


_ID = r"([\w.]+:)?([\w-]+/)?[\w.-]+-v\d+"  # of a Gymnasium environment


def find_task(name: str) -> Path:
    """Path of the YAML file for a path or a shipped task's name; gymnasium:ID is returned unchanged."""
    given = Path(name)
    if name.startswith(PREFIX):
        return given
    if given.suffix == ".py":
        raise UserError(
            f"{name} is Python code, not a task; give the YAML file that names it (`task: {given.name}:CLASS`), or to "
            f"train a reward: eureka train TASK --reward {name}"
        )
    near = did_you_mean(given.stem, shipped_tasks())
    if Path(f"{name}.yaml").is_file():
        near = f" (did you mean {name}.yaml?)"
    elif re.fullmatch(_ID, name):
        near = f" (did you mean {PREFIX}{name}, a Gymnasium environment?)"
    if given.suffix in {".yaml", ".yml"} or len(given.parts) > 1:
        # `tasks/cartpole.yaml` names the shipped task from any working directory.
        beside = shipped("tasks").parent / given
        if not given.is_file() and given.parts[0] == "tasks" and beside in _shipped().values():
            return beside
        if not given.is_file():
            raise UserError(f"no task file {name}{near}; {_known()}")
        return given.resolve()
    if name not in _shipped():
        raise UserError(f"no task {name!r}{near}; {_known()}")
    return _shipped()[name]


def _known() -> str:
    return f"give a shipped task ({', '.join(shipped_tasks())}), the path of a YAML file, or gymnasium:ID"


def load_task(name: str) -> LoadedTask:
    """Load and validate a task; UserError for a YAML file, or a file named there, that is missing or invalid."""
    path = find_task(name)
    if name.startswith(PREFIX):
        if not re.fullmatch(rf"{PREFIX}\S+", name):
            raise UserError(f"{name!r} is not an environment; give an id, e.g. gymnasium:Hopper-v5")
        if base := _standing_for(name.removeprefix(PREFIX)):
            return load_task(str(base))
        return LoadedTask(path=path, file=EnvironmentFile(name=task_name(name), task=name))
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        data = yaml.load(text, Loader=_Loader)  # noqa: S506 - derived from the safe loader
    except yaml.MarkedYAMLError as error:
        mark, hint = error.problem_mark, ""
        where = f", line {mark.line + 1}" if mark else ""
        if mark and "mapping values" in str(error.problem) and ":" in text.splitlines()[mark.line][: mark.column]:
            hint = "; put the text in quotes, since it contains a colon"
        raise UserError(f"{path}{where}: not valid YAML: {error.problem}{hint}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid YAML: {error}") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    if not isinstance(data, dict):
        raise UserError(f"{path}: a task file must be a mapping with the keys {', '.join(TaskFile.model_fields)}")
    if "trainer" in data:
        return _read(path, text, ExternalFile, data)
    given = str(data.get("task", "FILE.py:CLASS"))  # a missing key is reported below
    if not re.fullmatch(rf"{PREFIX}\S+|[^:]+\.py:[A-Za-z_]\w*", given):
        environment = given if re.fullmatch(_ID, given) else "ID"
        must = f"write {PREFIX}{environment} for an environment, or FILE.py:CLASS, not {data['task']!r}"
        raise UserError(f"{path}{_line_of(text, ('task',))}: task: {must}")
    by_id = given.startswith(PREFIX)
    if not by_id:
        return _read(path, text, TaskFile, data)
    return _read(path, text, EnvironmentFile, {"name": task_name(str(data["task"]))} | data)


def _read(
    path: Path, text: str, model: type[TaskFile | EnvironmentFile | ExternalFile], data: dict[str, Any]
) -> LoadedTask:
    """The task of a YAML file with this `text` and `data`."""
    try:
        file = model.model_validate(data)
    except ValidationError as error:
        location, problem = first_problem(model, error)
        raise UserError(f"{path}{_line_of(text, location)}: {problem}") from None
    files: list[Path] = []
    if isinstance(file, EnvironmentFile):
        file = file.model_copy(update={"kwargs": _beside(file.kwargs, path.parent, files)})
    if isinstance(file, ExternalFile):
        files = _scripts(file, path.parent)
    task = LoadedTask(path=path, file=file, arguments=tuple(files))
    if isinstance(file, EnvironmentFile) and (base := _standing_for(file.identifier)):
        task = _with_base(task, file, load_task(str(base)))
    for source in task.sources():
        if not source.is_file():
            raise UserError(f"{path} names {os.path.relpath(source, path.parent)}, but that file does not exist")
    return task


def _with_base(task: LoadedTask, file: EnvironmentFile, base: LoadedTask) -> LoadedTask:
    """The shipped task that stands for the environment of `file`, with what that file says."""
    assert isinstance(base.file, TaskFile)
    if "fitness" in file.kwargs:
        raise UserError(f"{task.path}: fitness is a key of the file itself, not one of kwargs; move it there")
    given = {key: getattr(file, key) for key in ("description", "presets") if key in file.model_fields_set}
    given |= {"name": file.name, "kwargs": {**file.kwargs, "fitness": file.fitness}}
    return task.model_copy(update={"file": base.file.model_copy(update=given), "base": base.path})


def _line_of(text: str, location: tuple[str | int, ...]) -> str:
    """Format the line of `location` in a YAML text, e.g. `, line 7`; the nearest parent if it is missing.

    Empty for a key that is missing at the top.
    """
    node, line = yaml.compose(text), 0
    for part in location:
        if not isinstance(node, yaml.MappingNode):
            break
        for key, value in node.value:
            if key.value == str(part):
                node, line = value, key.start_mark.line + 1
                break
        else:
            break
    return f", line {line}" if line else ""
