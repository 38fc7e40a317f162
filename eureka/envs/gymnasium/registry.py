"""Creation of a Gymnasium environment from its id, with one-sentence errors."""

from __future__ import annotations

import contextlib
import copy
import difflib
import functools
import importlib
import os
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec, load_env_creator

from eureka.config.tasks import PREFIX
from eureka.envs.gymnasium.actions import SUPPORTED
from eureka.envs.gymnasium.world import calling
from eureka.errors import UserError
from eureka.system.paths import CALLED_FROM

_ASSUMED_LIMIT = 1000  # Maximum control steps of an episode in environments without a time limit
_MOST_NUMBERS = 4096  # Larger observations are taken for images


def limit_of(identifier: str, kwargs: Mapping[str, Any]) -> int | None:
    """The limit on control steps per episode, from `kwargs` or the environment; None if there is none.

    Raises:
        UserError: the environment does not exist.
    """
    limit = kwargs.get("max_episode_steps", _spec(identifier).max_episode_steps)
    return limit if limit is not None and limit > 0 else None


def make(identifier: str, kwargs: Mapping[str, Any]) -> gymnasium.Env:
    """Make an environment with a time limit, observations that can be flattened, and actions of a `SUPPORTED` type.

    Args:
        identifier: the id, after `MODULE:` if a module registers it.
        kwargs: arguments of its constructor, or of `gymnasium.make`.

    Raises:
        UserError: the id is unknown, a package is missing, its code fails, or the spaces are not supported.
    """
    with calling(f"gymnasium:{identifier} cannot be made"):
        limit = limit_of(identifier, kwargs) or _ASSUMED_LIMIT
        spec = _readable(_spec(identifier))
        env = gymnasium.make(spec, **{**kwargs, "max_episode_steps": limit, "disable_env_checker": True})
        action, seen = env.action_space, env.observation_space
    if not isinstance(action, SUPPORTED):
        known = ", ".join(kind.__name__ for kind in SUPPORTED)
        raise UserError(f"gymnasium:{identifier} has {type(action).__name__} actions; supported are {known}")
    if not isinstance(seen, spaces.Space) or not seen.is_np_flattenable:
        raise UserError(f"gymnasium:{identifier} observes a {type(seen).__name__}, which cannot be flattened")
    image = isinstance(seen, spaces.Box) and seen.dtype == np.uint8 and len(seen.shape) > 1
    if image or spaces.flatdim(seen) > _MOST_NUMBERS:
        size = seen.shape or f"of {spaces.flatdim(seen)} numbers"
        raise UserError(f"gymnasium:{identifier} observes images {size}; only vectors are supported")
    return env


def _readable(spec: EnvSpec) -> EnvSpec:
    """The same, but metadata of the class that `gymnasium.make` would refuse is hidden from it."""
    point = spec.entry_point
    creator = load_env_creator(point) if isinstance(point, str) else point
    if isinstance(getattr(creator, "metadata", {}), dict | property):
        return spec
    spec = copy.copy(spec)
    spec.entry_point = functools.partial(creator)  # type: ignore[arg-type]
    return spec


def _spec(identifier: str) -> EnvSpec:
    module, _, name = identifier.rpartition(":")
    try:
        with calling(f"gymnasium:{identifier}: the module {module} cannot be imported"):
            if module:
                importlib.import_module(module)
    except UserError as error:
        missing = error.__cause__
        if not isinstance(missing, ModuleNotFoundError) or not missing.name:
            raise
        here = "it is in the current folder, so run PYTHONPATH=. eureka ..."
        advice = here if _is_called_from(missing.name) else "install it"
        needs = "" if module.startswith(missing.name) else f", which {module} imports,"
        raise UserError(f"gymnasium:{identifier}: Python package {missing.name!r}{needs} not found; {advice}") from None
    try:
        return gymnasium.spec(name)
    except gymnasium.error.Error as error:
        near = _near(module, name) or f": {error}"
        raise UserError(f"no environment gymnasium:{identifier}{near}") from None


def _is_called_from(module: str) -> bool:
    """Whether a module lies in the folder in which the command was called."""
    place = Path(os.environ.get(CALLED_FROM, ".")) / module.partition(".")[0]
    return place.with_suffix(".py").is_file() or place.is_dir()


def _near(module: str, name: str) -> str:
    """`; did you mean gymnasium:X?` if an id is close to `name`, also one that an installed package registers."""
    for package in [] if module else _registering():
        with contextlib.suppress(Exception, SystemExit):
            importlib.import_module(package)
    known = {}
    for other, spec in gymnasium.registry.items():
        place = getattr(spec.entry_point, "__module__", spec.entry_point) or ""
        package = str(place).partition(".")[0].partition(":")[0]
        known[other] = other if package == "gymnasium" else f"{module or package}:{other}"
    close = [name] if name in known else difflib.get_close_matches(name, known, n=2, cutoff=0.6)
    return f"; did you mean {' or '.join(PREFIX + known[c] for c in close)}?" if close else ""


def _registering() -> Iterator[str]:
    """Names of the installed packages that build on gymnasium, and so may register environments."""
    for found in distributions():
        needs = [re.split(r"[^\w.-]", requirement)[0] for requirement in found.requires or []]
        if "gymnasium" in needs and not found.name.startswith("eureka"):
            yield found.name.replace("-", "_")
