"""Inspection of a task's class: loaded by path, docs from its source, shapes from a few worlds."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import inspect
import itertools
import textwrap
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mujoco
import torch
from torch import Tensor

from eureka.config.description import Constant, Description, MetricDescription, StateField
from eureka.config.parameters import Curriculum
from eureka.config.tasks import LoadedTask, TaskFile
from eureka.envs.base import Worlds
from eureka.envs.parameters import apply as apply_parameters
from eureka.envs.parameters import check as check_parameters
from eureka.errors import UserError, did_you_mean
from eureka.noise import Noise
from eureka.physics.base import compile_scene, substeps_of
from eureka.system.paths import load_file
from eureka.task import Task

if TYPE_CHECKING:
    from eureka.envs.gymnasium.env import GymnasiumTask

RECORDED_WORLDS, RECORDED_STEPS = 32, 8
"""Worlds and recorded steps of the random play that tests a program before training."""
_LATE = (
    " Fields of bodies and sites, and forces, are as they were up to one time step of the simulation before the end of "
    "a control step; those of joints are current."
)
_UNDOCUMENTED = "the task ends it, by a rule that it does not document."


def load_class(loaded: LoadedTask, curriculum: Curriculum | None = None) -> Task:
    """Make an instance of the task's class, with the parameters of evaluation.

    Args:
        loaded: the task.
        curriculum: values of its parameters; None for those that its YAML gives for all presets.

    Raises:
        UserError: the file has no such class, the class is incomplete, or a parameter is wrong.
    """
    # The name tells files apart, since Python finds the source of a class by the name of its module.
    place = hashlib.sha256(str(loaded.module).encode()).hexdigest()[:8]
    module = load_file(f"eureka_task_{loaded.file.name}_{place}", loaded.module)
    cls = getattr(module, loaded.class_name, None)
    if not (inspect.isclass(cls) and issubclass(cls, Task)):
        raise UserError(f"{loaded.module} has no class {loaded.class_name}; define it, derived from eureka.task.Task")
    if inspect.isabstract(cls):
        missing = ", ".join(sorted(cls.__abstractmethods__))
        raise UserError(f"{loaded.module}: {loaded.class_name} must define {missing}")
    task = _made(cls, loaded)
    for name in ("State", "control_period", "horizon", "action_size"):
        if not hasattr(task, name):
            raise UserError(f"{loaded.module}: {loaded.class_name} must set {name}")
    if not isinstance(task.fitness_unit, str):
        raise UserError(f"{loaded.module}: {loaded.class_name}.fitness_unit must be a text such as 'm/s'")
    curriculum = curriculum or loaded.curriculum
    _check_range(task, loaded)
    check_parameters(task, curriculum, loaded)
    apply_parameters(task, curriculum.final)
    return task


def _check_range(task: Task, loaded: LoadedTask) -> None:
    bounds = task.fitness_range
    if isinstance(bounds, tuple) and len(bounds) == 2 and all(b is None or isinstance(b, int | float) for b in bounds):
        low, high = bounds
        if low is None or high is None or low < high:
            return
    raise UserError(
        f"{loaded.module}: {loaded.class_name}.fitness_range must be two numbers, the lower first, such as (0.0, 1.0); "
        f"None where there is no bound; it is {bounds!r}"
    )


def _made(cls: type[Task], loaded: LoadedTask) -> Task:
    assert isinstance(loaded.file, TaskFile)
    given = loaded.file.kwargs
    if given:
        taken = inspect.signature(cls).parameters
        several = any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values())
        for name in given if not several else ():
            if name not in taken:
                known = ", ".join(taken) or "none"
                near = did_you_mean(name, taken)
                raise UserError(f"{loaded.path}: {loaded.class_name} has no argument {name!r}{near}; it has {known}")
    return cls(**given)


def make_scene(task: Task) -> mujoco.MjModel:
    """Call the task's `scene` and compile it, with relative paths resolved in the folder of the class's file.

    Raises:
        UserError: `scene` returns no MjSpec, it does not compile, or `control_period` does not fit its timestep.
    """
    cls = type(task)
    file = Path(inspect.getfile(inspect.unwrap(cls.scene))).absolute()
    with contextlib.chdir(file.parent if file.parent.is_dir() else Path()):
        try:
            spec = task.scene()
        except Exception as error:
            error.add_note(f"in scene(){_base(str(error), file)}")
            raise
        if not isinstance(spec, mujoco.MjSpec):
            given = "nothing" if spec is None else f"an object of type {type(spec).__name__}"
            raise UserError(
                f"{file}: scene() returned {given} instead of a mujoco.MjSpec; build one with "
                "mujoco.MjSpec.from_string(XML) or mujoco.MjSpec.from_file('scene.xml'), and do not compile it"
            )
        try:
            model = compile_scene(spec)
        except Exception as error:
            said = "; ".join(filter(None, map(str.strip, str(error).removeprefix("Error: ").splitlines())))
            raise UserError(f"{file}: the scene of scene() does not compile: {said}{_base(said, file)}") from error
    try:
        substeps_of(model, task.control_period)
    except ValueError as error:
        raise UserError(f"{inspect.getfile(cls)}: {cls.__name__}: {error}") from None
    return model


def _base(said: str, file: Path) -> str:
    """Where relative paths begin, if an error is about a file."""
    return f", where relative paths begin at {file.parent}" if "file" in said.lower() else ""


def random_states(task: Task | GymnasiumTask, env: Worlds) -> dict[str, Tensor]:
    """(S, ...) each: states of random play from the start of the episodes."""
    seen: list[dict[str, Tensor]] = []

    def record(state: Mapping[str, Tensor]) -> Tensor:
        seen.append({name: value.clone() for name, value in state.items()})
        return torch.zeros(env.members, env.worlds)

    env.reset()
    keys = torch.arange(env.worlds)
    for step in range(RECORDED_STEPS * 4):
        noise = Noise(keys, torch.tensor(step))
        action = noise.uniform("random play", task.action_size, low=-1.0, high=1.0)
        env.step(action[None], record if step % 4 == 0 else None)
    return {name: torch.cat([state[name] for state in seen]) for name in seen[0]}


def usual(name: str, states: Mapping[str, Tensor]) -> tuple[float, float] | None:
    """Where 90 % of the entries of a field are, to two digits; None for actions, which are random, and for NaN."""
    values = states[name].double().flatten() if name in states else torch.zeros(0)
    if name in ("action", "last_action") or not len(values) or not bool(values.isfinite().all()):
        return None
    low, high = torch.quantile(values, torch.tensor([0.05, 0.95], dtype=torch.float64)).tolist()
    return float(f"{low:.2g}"), float(f"{high:.2g}")


def describe(
    loaded: LoadedTask,
    task: Task,
    states: dict[str, Tensor],
    observation_size: int,
    curriculum: Curriculum = Curriculum(),
) -> Description:
    """The description of a task for a designer.

    Raises:
        UserError: a state field has no doc, or its doc states another shape than the tensor's.
    """
    cls = type(task)
    if not is_dataclass(task.State):
        raise UserError(f"{loaded.module}: {cls.__name__}.State must be a dataclass")
    docs = attribute_docs(task.State)
    state = []
    for f in fields(task.State):
        value = states[f.name]
        _check_field(loaded, f.name, docs.get(f.name, ""), value)
        dtype = str(value.dtype).removeprefix("torch.")
        shape, doc = tuple(value.shape[1:]), docs[f.name]
        state.append(StateField(name=f.name, shape=shape, dtype=dtype, doc=doc, usual=usual(f.name, states)))
    for name in ("action", "last_action"):
        if name not in states:
            raise UserError(f"{loaded.module}: {cls.__name__}.State lacks the field {name}")
    parameters = check_parameters(task, curriculum, loaded)
    for p in parameters:
        if p.name in docs:
            raise UserError(f"{loaded.module}: {p.name} is both a field of State and a parameter; rename one")
        if p.varies:
            doc = f"(N,) {_words(p.unit, p.doc)}; a parameter of the task, {p.value} in the end"
            state.append(StateField(name=p.name, shape=(), dtype="float32", doc=doc))
    fixed = [p for p in parameters if not p.varies]
    constants = [Constant(name=p.name, value=float(p.value), doc=_words(p.unit, p.doc)) for p in fixed]
    ending = " ".join(task.ending().split()) or (_UNDOCUMENTED if cls.ending is Task.ending else "")
    return Description(
        name=loaded.file.name,
        goal=loaded.file.description,
        scene=_text(cls) + (_LATE if task.late else ""),
        state=tuple(state),
        action=_text(cls.act) if cls.act.__doc__ else f"{task.action_size} numbers in [-1, 1]",
        action_size=task.action_size,
        termination="" if cls.terminated is Task.terminated else ending,
        constants=(*_constants(cls), *constants),
        parameters=parameters,
        stages=tuple(curriculum.describe()),
        policy=curriculum.policy,
        metrics=tuple(MetricDescription(name=m.name, unit=m.unit, better=m.better, doc=m.doc) for m in task.metrics),
        fitness_unit=task.fitness_unit,
        fitness_range=task.fitness_range,
        horizon=task.horizon,
        control_period=task.control_period,
        observation_size=observation_size,
    )


def _words(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _check_field(loaded: LoadedTask, name: str, doc: str, value: Tensor) -> None:
    shape = "(" + ", ".join(["N", *map(str, value.shape[1:])]) + ("," if value.dim() == 1 else "") + ")"
    if not doc.startswith(shape):
        begins = f"begins with {doc[:20]!r}" if doc else "is missing"
        raise UserError(
            f"{loaded.module}: the docstring below State.{name} {begins}; it must begin with the shape {shape}"
        )


def _constants(cls: type) -> list[Constant]:
    found = []
    for name, doc in attribute_docs(cls).items():
        value = getattr(cls, name, None)
        if isinstance(value, int | float) and not isinstance(value, bool) and name not in Task.__annotations__:
            found.append(Constant(name=name, value=float(value), doc=doc))
    return found


def attribute_docs(cls: type) -> dict[str, str]:
    """The docstrings below the attributes of a class, each on one line, by attribute name.

    Of a dataclass without a source, they are the fields' metadata `doc`.
    """
    if is_dataclass(cls) and all("doc" in f.metadata for f in fields(cls)):
        return {f.name: f.metadata["doc"] for f in fields(cls)}
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError):
        return {}
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    docs = {}
    for statement, after in itertools.pairwise(body):
        target = _target(statement)
        match after:
            case ast.Expr(value=ast.Constant(value=str(text))) if target:
                docs[target] = " ".join(text.split())
    return docs


def _target(statement: ast.stmt) -> str | None:
    match statement:
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
            return name
    return None


def _text(documented: Any) -> str:
    return " ".join((inspect.getdoc(documented) or "").split())
