"""The description of a task with a command of its own, and states to try rewards on."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from eureka.config.description import Description, StateField
from eureka.config.external import ExternalField, ExternalFile
from eureka.errors import UserError, did_you_mean

_FEWEST, _MOST = 16, 4096  # states
_SYNTHETIC = 256
_USUAL = (0.05, 0.95)  # quantiles


def describe(file: ExternalFile, states: Mapping[str, Tensor] | None) -> Description:
    """What the YAML file says, with the usual ranges of `states` if the command gave some."""
    low, high = file.fitness.range
    name = file.fitness.name
    if file.fitness.better == "lower":
        name, low, high = f"minus the {name}", None if high is None else -high, None if low is None else -low
    return Description(
        name=file.name,
        goal=file.description.strip().rstrip("."),
        scene=file.scene,
        state=tuple(_field(name, field, states) for name, field in file.state.items()),
        action=file.action.doc,
        action_size=file.action.size,
        termination=file.termination,
        constants=(),
        fitness_name=name,
        fitness_unit=file.fitness.unit,
        fitness_range=(low, high),
        trainer=file.training or "A program of the user's trains the policy.",
        horizon=file.horizon,
        control_period=file.control_period,
        observation_size=1,
    )


def _field(name: str, field: ExternalField, states: Mapping[str, Tensor] | None) -> StateField:
    shape = f"(N, {', '.join(map(str, field.shape))})" if field.shape else "(N,)"
    usual = None
    if states is not None and field.dtype == "float32":
        low, high = torch.quantile(states[name].flatten()[: 1 << 20], torch.tensor(_USUAL)).tolist()
        usual = (low, high)
    doc = " ".join(filter(None, [shape, field.unit and f"{field.unit},", field.doc]))
    return StateField(name=name, shape=field.shape, dtype=field.dtype, doc=doc, usual=usual)


def synthetic_states(file: ExternalFile) -> dict[str, Tensor]:
    """Independent standard normal numbers, coin flips for `bool`, 0 to 9 for `int64`: (S, ...) by field."""
    chance = torch.Generator().manual_seed(0)
    drawn = {}
    for name, field in file.state.items():
        shape = (_SYNTHETIC, *field.shape)
        if field.dtype == "float32":
            drawn[name] = torch.randn(shape, generator=chance)
        elif field.dtype == "bool":
            drawn[name] = torch.rand(shape, generator=chance) < 0.5
        else:
            drawn[name] = torch.randint(0, 10, shape, generator=chance)
    return drawn


def _wrong(name: str, error: Exception, rows: list[Any]) -> str:
    """What is wrong with a field of the states."""
    if not isinstance(error, KeyError):
        return f"field {name}: {error}"
    row = next(row for row in rows if name not in row)
    return f"lacks the field {name}{did_you_mean(name, row)}, which the task's file has under state; a line has " + (
        ", ".join(map(str, row)) or "no field"
    )


def read_states(path: Path, file: ExternalFile) -> dict[str, Tensor]:
    """The states that a command wrote, (S, ...) by field, S a multiple of 4; one JSON object a line.

    Raises:
        UserError: the file is missing, has too few lines, or does not fit the fields.
    """
    try:
        rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    except OSError:
        raise UserError(f"trainer.describe wrote no {path.name} to its output folder") from None
    except ValueError as error:
        raise UserError(f"{path.name} of trainer.describe: not JSON: {error}") from None
    if len(rows) < _FEWEST:
        raise UserError(f"{path.name} of trainer.describe has {len(rows)} states; write {_FEWEST} to {_MOST}")
    rows = rows[: min(len(rows), _MOST) // 4 * 4]
    found = {}
    for name, field in file.state.items():
        try:
            values = torch.tensor([row[name] for row in rows], dtype=getattr(torch, field.dtype))
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path.name} of trainer.describe {_wrong(name, error, rows)}") from None
        if values.numel() == len(rows) * math.prod(field.shape):
            values = values.reshape(len(rows), *field.shape)
        if values.shape != (len(rows), *field.shape):
            raise UserError(
                f"{path.name} of trainer.describe: field {name} has shape {tuple(values.shape[1:])}, and the task's "
                f"file says {field.shape}"
            )
        found[name] = values
    return found
