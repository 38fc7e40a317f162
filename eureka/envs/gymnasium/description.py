"""Description of a Gymnasium environment for a designer, from its model, spaces and documentation.

Gymnasium's own environments share a documentation format. Its sections on scene, observation, action and episode end
are used; the section on rewards is not, because it reveals the answer. Of documentation in another format all is used
but what speaks of rewards.
"""

from __future__ import annotations

import contextlib
import inspect
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import gymnasium
from torch import Tensor

from eureka.config.description import Description, StateField
from eureka.config.tasks import LoadedTask
from eureka.envs.gymnasium.env import GymnasiumTask
from eureka.envs.gymnasium.fields import Field, parts_of
from eureka.envs.gymnasium.world import number
from eureka.envs.introspection import usual

_REVEALING = re.compile("reward|penal|bonus|cost|fitness|score", re.IGNORECASE)
_LONGEST = 1200  # Maximum characters of a documentation section in a prompt

_LATE = (
    " Fields of bodies and sensors are as they were one time step of the simulation before the end of a control step; "
    "those of joints are not late."
)


def describe(loaded: LoadedTask, task: GymnasiumTask, states: Mapping[str, Tensor]) -> Description:
    """The environment's description for a designer, and the assumptions made for it.

    Args:
        loaded: the task's file.
        task: the environment.
        states: (S, ...) each, states of random play.
    """
    text = _documentation(type(task.example.unwrapped))
    sections = _sections(text)
    scene = _section(sections, r"^description$") or _without_rewards(text)
    period, known = _period(task)
    tables = _tables(_section(sections, r"observation", joined=False))
    state = [
        *_observation(task, tables, _section(sections, r"observation")),
        *(StateField(name=f.name, shape=f.shape, dtype="float32", doc=_with_table(f, tables)) for f in task.fields),
        *_actions(task.action_size, task.actions.choices),
    ]
    return Description(
        name=loaded.file.name,
        goal=_goal(loaded, task, scene),
        scene=f"{_short(scene) or f'The Gymnasium environment {task.identifier}.'}{_LATE if task.physical else ''}",
        state=tuple(field.model_copy(update={"usual": usual(field.name, states)}) for field in state),
        action=_action(task, *_tables(_section(sections, r"^action", joined=False))[-1:]),
        action_size=task.action_size,
        choices=task.actions.choices,
        termination=_termination(sections),
        constants=(),
        horizon=task.horizon,
        control_period=period,
        observation_size=task.observation_size,
        assumptions=tuple(_assumptions(loaded, task, known, scene)),
    )


def _assumptions(loaded: LoadedTask, task: GymnasiumTask, period_known: bool, scene: str) -> Iterator[str]:
    here = f"gymnasium:{task.identifier}"
    minus = "minus " if task.file.fitness_sign < 0 else ""
    yield (
        f"{here}: fitness is {minus}its return, undiscounted"
        if task.key is None
        else f"{here}: fitness is {minus}info.{task.key}, its last number in an episode, 0 if it has none"
    )
    if not loaded.on_disk:
        yield f"{here}: sizes and PPO settings are defaults; a task YAML can set them (docs/own-task.md)"
    if not loaded.file.description:
        why = "does not state one" if scene else "is missing"
        source = "its documentation" if _stated_goal(scene) else f"its id, because its documentation {why}"
        yield f"{here}: the goal in the description comes from {source}"
    if parts := parts_of(task.example.observation_space):
        order = ", ".join(f"{part.name} ({math.prod(part.shape)})" for part in parts)
        yield f"{here}: the policy sees the entries of its observation in this order: {order}"
    if not task.limited:
        yield f"{here}: it has no time limit; episodes are truncated at {task.horizon} control steps"
    yield from (f"{here}: {assumed}" for assumed in task.actions.assumptions())
    if not period_known:
        yield f"{here}: its control period is unknown; the description assumes 1 s"
    if not task.exact:
        yield (
            f"{here}: its state cannot be saved, so a resumed run begins new episodes, and its results may differ from "
            "those of an uninterrupted run"
        )


def _goal(loaded: LoadedTask, task: GymnasiumTask, scene: str) -> str:
    if loaded.file.description:
        return loaded.file.description
    return _stated_goal(scene) or f"do well in the Gymnasium environment {task.identifier}"


def _stated_goal(scene: str) -> str:
    """The goal in the words of a text that names it; otherwise empty."""
    sentences = re.split(r"(?<=[.!?])\s+", scene)
    said = next((s for s in sentences if re.search(r"\b(goal|objective)\b", s, re.IGNORECASE)), "")
    return re.sub(r"^(The )?(goal|objective) (of \S+ \S+ )?is to ", "", said).rstrip(".")


def _observation(task: GymnasiumTask, tables: list[list[str]], section: str) -> list[StateField]:
    """The field of an observation that is one vector, with the table that documents it, or else the section."""
    if parts_of(task.example.observation_space):
        return []
    size, around = task.observation_size, "; ".join(tables[-1]) if tables else _short(_without_rewards(section))
    doc = f"(N, {size}) what the policy sees{': ' if around else ''}{around.rstrip('.')}"
    return [StateField(name="observation", shape=(size,), dtype="float32", doc=doc)]


def _with_table(field: Field, tables: list[list[str]]) -> str:
    """A field's doc, with the only documented table that has a row for each number of this entry of the observation."""
    fitting = [rows for rows in tables if field.source == "observation" and (len(rows),) == field.shape]
    return f"{field.text}: {'; '.join(fitting[0])}" if len(fitting) == 1 else field.text


def _action(task: GymnasiumTask, table: Sequence[str] = ()) -> str:
    text = task.actions.text()
    return f"{text} In order: {'; '.join(table)}." if table else text


def _actions(size: int, choices: Sequence[int]) -> list[StateField]:
    now, before = "the action just applied", "the action before it, 0 at the start of an episode"
    values = "one-hot" if len(choices) == 1 else "one-hot for each choice" if choices else "in [-1, 1]"
    return [
        StateField(name="action", shape=(size,), dtype="float32", doc=f"(N, {size}) {values}, {now}"),
        StateField(name="last_action", shape=(size,), dtype="float32", doc=f"(N, {size}) {values}, {before}"),
    ]


def _termination(sections: list[tuple[str, str]]) -> str:
    text = _section(sections, r"terminat") or _section(sections, r"^episode end$")
    if text:
        return _short(text)
    if any(re.search(r"truncat|episode", title, re.IGNORECASE) for title, _ in sections):
        return ""
    return "the environment ends it, by rules that it does not document."


def _period(task: GymnasiumTask) -> tuple[float, bool]:
    """The control period in s, and whether it is known."""
    own: Any = task.example.unwrapped
    with contextlib.suppress(Exception):  # either may be anything, or raise
        if (period := number(own.dt)) and 0 < period < math.inf:
            return period, True
    with contextlib.suppress(Exception):
        if (rate := number(own.metadata["render_fps"])) and 0 < rate < math.inf:
            return 1.0 / rate, True
    return 1.0, False


def _documentation(cls: type) -> str:
    """The docstring of an environment's class, or of the nearest class that it is derived from."""
    for base in itertools.takewhile(lambda base: base is not gymnasium.Env, cls.__mro__):
        general = base.__module__.endswith(("mujoco_env", ".ezpickle", "robot_env"))
        if (text := vars(base).get("__doc__")) and not general:
            return inspect.cleandoc(text)
    return ""


def _without_rewards(text: str) -> str:
    """A text on one line, without sections on rewards, and without what follows a mention of one in a paragraph."""
    title = r"^(?:#{1,6}\s+|\*\*)?([\w ]{3,40}?)(?:\*\*)?:?[ ]*\n(?:[-=~]{3,}$)"
    text = re.sub(title, r"## \1\n", text, flags=re.MULTILINE)  # underlined titles
    text = re.sub(r"^\**([A-Z][\w ]{2,40})\**:\**[ ]*$", r"## \1", text, flags=re.MULTILINE)
    before = re.split(r"^#{1,6}\s", text, maxsplit=1, flags=re.MULTILINE)[0]
    kept = []
    for name, body in [("", before), *_sections(text)]:
        if _REVEALING.search(name):
            continue
        for paragraph in re.split(r"\n\s*\n", body):
            sentences = re.split(r"(?<=[.!?;])\s+|\n(?=\s*[-*|])", paragraph)
            kept += itertools.takewhile(lambda sentence: not _REVEALING.search(sentence), sentences)
    return " ".join(" ".join(kept).split())


def _sections(text: str) -> list[tuple[str, str]]:
    """Titles and texts of the sections of a Markdown text, in order."""
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    parts = re.split(r"^#{1,4}\s+(.*)$", text, flags=re.MULTILINE)
    return [(title.strip().rstrip(":"), body) for title, body in zip(parts[1::2], parts[2::2], strict=True)]


def _section(sections: list[tuple[str, str]], title: str, joined: bool = True) -> str:
    """The text of the first section whose title matches, on one line if `joined`."""
    found = next((text for name, text in sections if re.search(title, name, re.IGNORECASE) and text.strip()), "")
    if not joined:
        return found
    found = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", found)  # links
    return " ".join(found.split())


def _tables(text: str) -> list[list[str]]:
    """The numbered rows of each table or list that has any, as `0 angle of the torso`."""
    tables: list[list[str]] = []
    for line in text.splitlines():
        item = re.match(r"[-*]\s*(\d+)\s*:\s*(.+)", line.strip())
        cells = list(item.groups()) if item else [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not (item or line.strip().startswith("|")) or len(cells) < 2 or not cells[0].isdigit():
            continue
        if int(cells[0]) == 0:
            tables.append([])
        if tables:
            tables[-1].append(f"{cells[0]} {cells[1]}")
    return tables


def _short(text: str) -> str:
    """A text cut to `_LONGEST` characters, at the end of a sentence if possible."""
    if len(text) <= _LONGEST:
        return text
    kept = text[:_LONGEST]
    return kept[: kept.rfind(". ") + 1] or kept
