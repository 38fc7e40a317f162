"""Names of tasks."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

PREFIX = "gymnasium:"  # Prefix of a Gymnasium id, in `task` of a YAML file and on the command line


def task_name(task: str) -> str:
    """Derive a task name from an environment's id, e.g. hopper_v5 from gymnasium:Hopper-v5."""
    word = re.sub(r"[^a-z0-9]+", "_", task.removeprefix(PREFIX).rpartition(":")[2].lower()).strip("_")
    return word if word[:1].isalpha() else f"task_{word}"


def _name(value: Any) -> Any:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", str(value)):
        like = task_name(str(value))
        raise ValueError(f"lower-case letters, digits and _, starting with a letter, such as {like}, not {value!r}")
    return value


Name = Annotated[str, BeforeValidator(_name)]
