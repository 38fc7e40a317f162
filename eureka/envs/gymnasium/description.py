"""Description of a Gymnasium environment for a designer, from its model, spaces and documentation.

Gymnasium's own environments share a documentation format. Its sections on scene, observation, action and episode end
are used; the section on rewards is not, because it reveals the answer.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from eureka.config.description import Description, StateField
from eureka.config.tasks import LoadedTask
from eureka.envs.gymnasium.env import GymnasiumTask

_LONGEST = 1200  # Maximum characters of a documentation section in a prompt

_LATE = (
    " Fields of bodies and sensors are as they were one time step of the simulation before the end of a control step; "
    "those of joints are not late."
)


def describe(loaded: LoadedTask, task: GymnasiumTask) -> Description:
    """The environment's description for a designer, and the assumptions made for it."""
    sections = _sections(inspect.getdoc(type(task.example.unwrapped)) or "")
    scene = _section(sections, r"^description$")
    period, known = _period(task)
    observed = _table(_section(sections, r"observation", joined=False))
    around = "" if not observed else ": " + "; ".join(observed)
    state = [
        StateField(
            name="observation",
            shape=(task.observation_size,),
            dtype="float32",
            doc=f"({'N'}, {task.observation_size}) what the policy sees{around}",
        ),
        *(StateField(name=f.name, shape=f.shape, dtype="float32", doc=f.text) for f in task.fields),
        *_actions(task.action_size),
    ]
    return Description(
        name=loaded.file.name,
        goal=_goal(loaded, task, scene),
        scene=f"{_short(scene) or f'The Gymnasium environment {task.identifier}.'}{_LATE if task.physical else ''}",
        state=tuple(state),
        action=_action(task, _table(_section(sections, r"^action", joined=False))),
        action_size=task.action_size,
        termination=_termination(sections),
        constants=(),
        horizon=task.horizon,
        control_period=period,
        observation_size=task.observation_size,
        assumptions=tuple(_assumptions(loaded, task, known, scene)),
    )


def _assumptions(loaded: LoadedTask, task: GymnasiumTask, period_known: bool, scene: str) -> Iterator[str]:
    here = f"gymnasium:{task.identifier}"
    yield (
        f"{here}: fitness is its return, undiscounted"
        if task.key is None
        else f"{here}: fitness is info.{task.key} at the end of an episode"
    )
    if not loaded.on_disk:
        yield f"{here}: sizes and PPO settings are defaults; a task YAML can set them (docs/own-task.md)"
    if not loaded.file.description:
        source = "its documentation" if scene else "its id, because it has no documentation"
        yield f"{here}: the goal in the description comes from {source}"
    if not task.limited:
        yield f"{here}: it has no time limit; episodes are truncated at {task.horizon} control steps"
    if not task.bounded:
        yield f"{here}: unbounded actions get values in [-1, 1]"
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
    sentences = re.split(r"(?<=[.!?])\s+", scene)
    said = next((s for s in sentences if re.search(r"\b(goal|objective)\b", s, re.IGNORECASE)), None)
    said = re.sub(r"^(The )?(goal|objective) (of \S+ \S+ )?is to ", "", said) if said else None
    return said.rstrip(".") if said else f"do well in the Gymnasium environment {task.identifier}"


def _action(task: GymnasiumTask, table: list[str]) -> str:
    bounds = [f"{low:.4g} .. {high:.4g}" for low, high in zip(task.low, task.high, strict=True)]
    same = len(set(bounds)) == 1
    around = f"{bounds[0]}" if same else ", ".join(bounds)
    text = f"It goes linearly to the environment's own range, {around}."
    return f"{text} In order: {'; '.join(table)}." if table else text


def _actions(size: int) -> list[StateField]:
    now, before = "the action just applied", "the action before it, 0 at the start of an episode"
    return [
        StateField(name="action", shape=(size,), dtype="float32", doc=f"(N, {size}) in [-1, 1], {now}"),
        StateField(name="last_action", shape=(size,), dtype="float32", doc=f"(N, {size}) in [-1, 1], {before}"),
    ]


def _termination(sections: list[tuple[str, str]]) -> str:
    text = _section(sections, r"terminat") or _section(sections, r"^episode end$")
    if text:
        return _short(text)
    if any(re.search(r"truncat|episode", title, re.IGNORECASE) for title, _ in sections):
        return "Nothing ends an episode before its time."
    return "The environment may end an episode by rules that it does not document."


def _period(task: GymnasiumTask) -> tuple[float, bool]:
    """The control period in s, and whether it is known."""
    own: Any = task.example.unwrapped
    for value in (getattr(own, "dt", None), 1.0 / rate if (rate := own.metadata.get("render_fps")) else None):
        if isinstance(value, int | float) and value > 0:
            return float(value), True
    return 1.0, False


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


def _table(text: str) -> list[str]:
    """The numbered rows of the last table that has any, as `0 angle of the torso`."""
    tables: list[list[str]] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.strip().startswith("|") or len(cells) < 2 or not cells[0].isdigit():
            continue
        if int(cells[0]) == 0:
            tables.append([])
        if tables:
            tables[-1].append(f"{cells[0]} {cells[1]}")
    return tables[-1] if tables else []


def _short(text: str) -> str:
    """A text cut to `_LONGEST` characters, at the end of a sentence if possible."""
    if len(text) <= _LONGEST:
        return text
    kept = text[:_LONGEST]
    return kept[: kept.rfind(". ") + 1] or kept
