"""`eureka new-task`: a task that runs without changes, from the templates beside this file."""

from __future__ import annotations

import importlib.util
import json
import keyword
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

import jinja2

from eureka.config.tasks import PREFIX
from eureka.errors import UserError
from eureka.system.files import output_file
from eureka.text import command
from eureka.workers.process import environment

_TEMPLATES = Path(__file__).resolve().parent / "templates"
_NAME, _CLASS = "my_task", "MyTask"  # The task's name in the templates
_SCENES = (".xml", ".mjcf", ".urdf")
_NO_GOAL = "TODO: the goal in one sentence"
_TAKEN = {"State", "Memory", "NoMemory", "Task", "Sim", "Noise", "Episode", "Tensor", "Path", "Env"}
"""Names that the templates already use."""


def create(name: str, source: str | None, folder: Path) -> list[str]:
    """Write NAME.yaml and the folder NAME into `folder`.

    Args:
        name: name of the task, also used in file names.
        source: gymnasium:ID or the file of a scene to start from; None for a complete example.
        folder: folder to write to; created if missing.

    Returns:
        Lines on what to do next.

    Raises:
        UserError: the name is invalid, a file exists already, or the environment or scene cannot be used.
        StorageFault: the disk is full; nothing is left behind.
    """
    cls = _class_of(name)
    yaml = folder / f"{name}.yaml"
    for target in (yaml, folder / name):
        if target.exists():
            raise UserError(f"{target} exists already; give another name or --out DIR")
    files, notes = _files(source)
    try:
        for relative, content in files:
            path = folder / relative.replace(_NAME, name)
            with output_file(path, "--out"):
                path.parent.mkdir(parents=True, exist_ok=True)
                if isinstance(content, bytes):
                    path.write_bytes(content)
                else:
                    path.write_text(content.replace(_NAME, name).replace(_CLASS, cls), encoding="utf-8")
    except BaseException:  # leave no incomplete task
        yaml.unlink(missing_ok=True)
        shutil.rmtree(folder / name, ignore_errors=True)
        raise
    check = command("check", str(yaml), "--reward", str(folder / name / "rewards" / "human.py"))
    if source is None:
        return [
            f"created {yaml} and {folder / name}; the task runs without changes",
            f"  {command('run', str(yaml))}",
            f"  {check}",
        ]
    return [
        *notes,
        f"created {yaml} and {folder / name}; fitness and rewards are left to write (TODO in the files)",
        f"  {command('check', str(yaml), '--film', f'{name}.mp4')}",
        f"  {check}",
        f"  {command('run', str(yaml), '--dry-run')}",
    ]


def _class_of(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise UserError(f"invalid task name {name!r}; use lower-case letters, digits and _, starting with a letter")
    if name in sys.stdlib_module_names or importlib.util.find_spec(name) is not None:
        raise UserError(
            f"invalid task name {name!r}: the folder {name} would hide the Python module {name}; give another"
        )
    cls = "".join(part.capitalize() for part in name.split("_"))
    if cls in _TAKEN:
        raise UserError(
            f"invalid task name {name!r}: its class {cls} would clash with a name in the template; give another"
        )
    return cls


def _files(source: str | None) -> tuple[list[tuple[str, str | bytes]], list[str]]:
    """The task's files, relative path and content each, and notes for the user."""
    if source is None:
        return list(_read(_TEMPLATES / "reacher", {})), []
    if source.startswith(PREFIX) or not Path(source).suffix:
        return list(_read(_TEMPLATES / "from_gymnasium", {"origin": source, **_sketch(source)})), []
    with tempfile.TemporaryDirectory(prefix="eureka-") as made:
        values = {"origin": Path(source).name, "goal": _NO_GOAL, **_sketch_scene(source, Path(made))}
        own = list(_read(_TEMPLATES / "from_scene", values))
        rest = list(_read(_TEMPLATES / "from_gymnasium", values, {relative for relative, _ in own}))
        scene = [Path(made) / "scene.xml", *Path(made).glob("assets/*")]
        copies = [(f"{_NAME}/{path.relative_to(made)}", path.read_bytes()) for path in scene]
    return [*own, *rest, *copies], values["notes"]


def _read(template: Path, values: dict[str, Any], skipped: Container[str] = ()) -> Iterator[tuple[str, str]]:
    """The files of a template: relative path and text."""
    for path in sorted(p for p in template.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
        relative = str(path.relative_to(template)).removesuffix(".j2")
        if relative not in skipped:
            text = path.read_text(encoding="utf-8")
            yield relative, _environment().from_string(text).render(**values) if path.suffix == ".j2" else text


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
        raise UserError(f"--from {source}: give gymnasium:ID, such as gymnasium:Hopper-v5, or a scene's .xml or .urdf")
    with tempfile.TemporaryDirectory() as folder:
        answered = Path(folder) / "answer.json"
        return _answer(source, "eureka.envs.gymnasium.scaffold", source.removeprefix(PREFIX), answered, answered)


def _sketch_scene(source: str, folder: Path) -> dict[str, Any]:
    """Write the scene of a file into `folder`; what the template needs of it, found in a process with MuJoCo."""
    path = Path(source).absolute()
    if path.suffix not in _SCENES or not path.is_file():
        why = "there is no such file" if path.suffix in _SCENES else f"it ends in none of {', '.join(_SCENES)}"
        raise UserError(f"--from {source}: {why}; give a scene in MuJoCo's XML or in URDF, or gymnasium:ID")
    return _answer(source, "eureka.envs.scene", str(path), folder, folder / "answer.json")


def _answer(source: str, module: str, argument: str, place: Path, answered: Path) -> dict[str, Any]:
    """Run a module without keys; its answer in a file, since the code of others may print."""
    command = [sys.executable, "-P", "-m", module, argument, str(place)]
    done = subprocess.run(
        command,
        cwd=place if place.is_dir() else None,  # where MuJoCo writes its log
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        errors="replace",
        check=False,
    )
    try:
        answer = json.loads(answered.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        last = (done.stderr.strip().splitlines() or [f"the process ended with code {done.returncode}"])[-1]
        raise UserError(f"{source} cannot be inspected: {last[:300]}") from None
    if "error" in answer:
        raise UserError(answer["error"])
    return answer
