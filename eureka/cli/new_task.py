"""`eureka new-task`: a task that runs without changes, from the templates beside this file."""

from __future__ import annotations

import json
import keyword
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2

from eureka.config.tasks import PREFIX
from eureka.errors import UserError
from eureka.system.files import output_file
from eureka.workers.process import environment

_TEMPLATES = Path(__file__).resolve().parent / "templates"
_NAME, _CLASS = "my_task", "MyTask"  # The task's name in the templates
_TAKEN = {"State", "Memory", "NoMemory", "Task", "Sim", "Noise", "Episode", "Tensor", "Path", "Env"}
"""Names that the templates already use."""


def create(name: str, source: str | None, folder: Path) -> list[str]:
    """Write NAME.yaml and the folder NAME into `folder`.

    Args:
        name: name of the task, also used in file names.
        source: gymnasium:ID to start from that environment's scene; None for a complete example.
        folder: folder to write to; created if missing.

    Returns:
        Lines on what to do next.

    Raises:
        UserError: the name is invalid, a file exists already, or the environment cannot be used.
        StorageFault: the disk is full; nothing is left behind.
    """
    cls = _class_of(name)
    yaml = folder / f"{name}.yaml"
    for target in (yaml, folder / name):
        if target.exists():
            raise UserError(f"{target} exists already; give another name or --out DIR")
    if source is None:
        files = list(_read(_TEMPLATES / "reacher", {}))
    else:
        files = list(_read(_TEMPLATES / "from_gymnasium", _sketch(source)))
    try:
        for relative, text in files:
            path = folder / relative.replace(_NAME, name)
            with output_file(path, "--out"):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text.replace(_NAME, name).replace(_CLASS, cls), encoding="utf-8")
    except BaseException:  # leave no incomplete task
        yaml.unlink(missing_ok=True)
        shutil.rmtree(folder / name, ignore_errors=True)
        raise
    check = f"eureka check {yaml} --reward {folder / name / 'rewards' / 'human.py'}"
    if source is None:
        return [
            f"created {yaml} and {folder / name}; the task runs without changes",
            f"  eureka run {yaml}",
            f"  {check}",
        ]
    return [
        f"created {yaml} and {folder / name}; fitness and rewards are left to write (TODO in the files)",
        f"  {check}",
        f"  eureka run {yaml} --dry-run",
    ]


def _class_of(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise UserError(f"invalid task name {name!r}; use lower-case letters, digits and _, starting with a letter")
    cls = "".join(part.capitalize() for part in name.split("_"))
    if cls in _TAKEN:
        raise UserError(
            f"invalid task name {name!r}: its class {cls} would clash with a name in the template; give another"
        )
    return cls


def _read(template: Path, values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The files of a template: relative path and text."""
    for path in sorted(p for p in template.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
        relative, text = str(path.relative_to(template)), path.read_text(encoding="utf-8")
        if path.suffix == ".j2":
            relative, text = relative.removesuffix(".j2"), _environment().from_string(text).render(**values)
        yield relative, text


def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - the result is Python and YAML
    )
    made.filters["lines"] = str.splitlines
    # Jinja's own filter escapes for HTML; this text is YAML and Python.
    made.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    return made


def _sketch(source: str) -> dict[str, Any]:
    """What the template needs of an environment, whose code runs in a process without keys."""
    if not source.startswith(PREFIX) or source == PREFIX:
        raise UserError(f"--from {source}: give gymnasium:ID, such as gymnasium:Hopper-v5")
    command = [sys.executable, "-P", "-m", "eureka.envs.gymnasium.scaffold", source.removeprefix(PREFIX)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise UserError(f"{source} cannot be inspected: {last[:300]}") from None
    if "error" in answer:
        raise UserError(answer["error"])
    return answer
