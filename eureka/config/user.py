"""Defaults of a user and of a project, from files named `eureka.toml`.

The user's file is in the configuration folder; the project's is in the working directory. A project may come from
elsewhere, so its file may set sizes only: no model, address or limit on cost.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import Field, ValidationError

from eureka.config.settings import Preset, PresetName, _Strict, first_problem
from eureka.errors import UserError

NAME = "eureka.toml"
_SMALLEST = {"generations": 1, "samples": 1, "worlds": 1, "steps": 1}  # To validate the keys of a part of a preset


class ProjectFile(_Strict):
    """Contents of the file of a project."""

    preset: str | None = Field(default=None, description="default of --preset")
    presets: dict[str, dict[str, Any]] = Field(
        default={}, description="presets by name: keys of a task's preset, and `base`, the task's preset they change"
    )


class UserFile(ProjectFile):
    """Contents of the file of a user; the first keys are defaults of the options of these names."""

    llm: str | None = None
    max_usd: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    max_tokens: int | None = Field(default=None, ge=1)
    prices: str | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    reply_tokens: int | None = Field(default=None, ge=1)
    timeout: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    llm_options: dict[str, Any] = Field(default={}, description="as --llm-option, for the model of `llm` only")


@dataclass(frozen=True)
class NamedPreset:
    """A preset of a user or a project."""

    base: PresetName  # The task's preset whose values it changes
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Defaults:
    """What both files say."""

    user: UserFile
    preset: str | None
    presets: Mapping[str, NamedPreset]
    files: tuple[Path, ...]  # Those that exist

    def option(self, name: str) -> Any:
        """The default of an option of the designer, None if it is not set."""
        return getattr(self.user, name)


def merged(values: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with others on top; parts of a group, such as learning, keep the rest of it."""
    found = dict(values)
    for key, value in others.items():
        own = found.get(key)
        found[key] = {**own, **value} if isinstance(value, dict) and isinstance(own, dict) else value
    return found


def user_path() -> Path:
    """The user's file: `$XDG_CONFIG_HOME/eureka/eureka.toml`, by default in `~/.config`."""
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home and Path(home).is_absolute() else Path.home() / ".config") / "eureka" / NAME


def load_defaults(folder: Path = Path()) -> Defaults:
    """Read the user's file and the project's in `folder`; the latter counts more.

    Raises:
        UserError: a file cannot be read, or has a key or a value that it may not have.
    """
    own, project = user_path(), folder / NAME
    user = _read(own, UserFile) if own.is_file() else UserFile()
    local = ProjectFile()
    if project.is_file() and project.resolve() != own.resolve():
        local = _read(project, ProjectFile)
    presets = _presets(own, user)
    for name, preset in _presets(project, local).items():
        before = presets.get(name, preset)
        kept = before.values if before.base == preset.base else {}
        presets[name] = NamedPreset(preset.base, merged(kept, preset.values))
    files = tuple(path for path in (own, project) if path.is_file())
    return Defaults(user, local.preset or user.preset, presets, files)


def _read(path: Path, model: type[ProjectFile]) -> Any:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid TOML: {error}") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    own = [name for name in data if name in UserFile.model_fields and name not in model.model_fields]
    if own:
        raise UserError(
            f"{path}: a project's file may set {' and '.join(ProjectFile.model_fields)} only; {own[0]} belongs in "
            f"{user_path()}, or on the command line"
        )
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise UserError(f"{path}: {first_problem(model, error)[1]}") from None


def _presets(path: Path, file: ProjectFile) -> dict[str, NamedPreset]:
    found = {}
    for name, given in file.presets.items():
        own = get_args(PresetName)
        base, values = (
            given.get("base", name if name in own else "cpu"),
            {k: v for k, v in given.items() if k != "base"},
        )
        known: PresetName | None = next((preset for preset in own if preset == base), None)
        if known is None:
            raise UserError(f"{path}: presets.{name}.base: give cpu, gpu or paper, not {base!r}")
        try:
            Preset.model_validate(_SMALLEST | values)
        except ValidationError as error:
            raise UserError(f"{path}: presets.{name}: {first_problem(Preset, error)[1]}") from None
        found[name] = NamedPreset(known, values)
    return found
