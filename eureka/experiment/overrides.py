"""Settings with the changes of `--set KEY=VALUE`."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import yaml
from pydantic import ValidationError

from eureka.config.settings import Settings, first_problem
from eureka.errors import UserError, did_you_mean

_NOT_SET = {name: name for name in ("llm", "start", "preset", "policy", "device", "devices", "workers", "executor")}
_NOT_SET |= {"compiled": "compile", "asking": "temperature, --reply-tokens and so on"}
"""Settings that have an option of their own which does more than set a value, with its name."""


def overridden(settings: dict[str, Any], changes: Sequence[str]) -> Settings:
    """Settings with the values of `--set KEY=VALUE`, where KEY is a path such as `learning.gamma`.

    Raises:
        UserError: a key does not exist, or a value does not fit.
    """
    for change in changes:
        key, equals, text = change.partition("=")
        path = key.strip().split(".")
        if not equals or not all(path):
            raise UserError(f"--set {change}: give KEY=VALUE, such as learning.gamma=0.98 or parameters.NAME=0.5")
        if path[0] in _NOT_SET:
            raise UserError(f"--set {change}: {path[0]} is not changed by --set; use --{_NOT_SET[path[0]]}")
        if path[0] not in Settings.model_fields:
            keys = [name for name in Settings.model_fields if name not in _NOT_SET]
            raise UserError(f"--set {change}: no setting {path[0]!r}{did_you_mean(path[0], keys)}; {', '.join(keys)}")
        place = settings
        for part in path[:-1]:
            inner = place.get(part)
            if isinstance(inner, list | tuple):
                raise UserError(f"--set {change}: {part} is a list; give the whole of it, such as --set {part}=[...]")
            if not isinstance(inner, dict | None):
                raise UserError(f"--set {change}: {part} is one value; give --set {part}=VALUE")
            place[part] = dict(inner or {})
            place = place[part]
        place[path[-1]] = value_of(text, f"--set {change}")
    try:
        return Settings.model_validate(settings)
    except ValidationError as error:
        location, problem = first_problem(Settings, error)
        given = next((c for c in changes if c.startswith(str(location[0]))), None) if location else None
        raise UserError(
            f"--set {given}: {problem}" if given else f"these settings do not fit together: {problem}"
        ) from None


def value_of(text: str, option: str) -> Any:
    """The value of a text in YAML, and thus in JSON; UserError, which begins with `option`, if it has none."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise UserError(f"{option}: {text!r} is not a value; quote it as in 'KEY=[0.5, 0.75]'") from None
    if isinstance(value, str):  # YAML 1.1 reads 1e6 as text
        with contextlib.suppress(ValueError):
            number = float(value)
            return int(number) if number.is_integer() else number
    return value
