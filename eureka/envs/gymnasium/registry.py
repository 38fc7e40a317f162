"""Making an environment from its id, with one sentence for everything that can be wrong with it."""

from __future__ import annotations

import math

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.wrappers import FlattenObservation

from eureka.errors import UserError

_ASSUMED_LIMIT = 1000
"""Control steps of an episode, where an environment has no limit of its own."""
_MOST_NUMBERS = 4096
"""An observation of more is taken for an image."""


def limit_of(identifier: str) -> int | None:
    """The environment's own limit on an episode's control steps; None if it has none.

    Raises:
        UserError: there is no such environment.
    """
    return _spec(identifier).max_episode_steps


def make(identifier: str) -> gymnasium.Env:
    """One environment, its episodes limited, its observation a vector and its action a box.

    Raises:
        UserError: there is none of that id, a package is missing, or it is not of this kind.
    """
    limit = limit_of(identifier) or _ASSUMED_LIMIT
    try:
        env = gymnasium.make(identifier, max_episode_steps=limit, disable_env_checker=True)
    except (gymnasium.error.Error, ImportError) as error:
        raise UserError(f"gymnasium:{identifier} cannot be made: {_sentence(error)}") from None
    except Exception as error:  # an environment's constructor is a stranger's code
        raise UserError(f"gymnasium:{identifier} cannot be made: {type(error).__name__}: {_sentence(error)}") from None
    if not isinstance(env.action_space, spaces.Box):
        kind = type(env.action_space).__name__
        raise UserError(f"gymnasium:{identifier} has actions of the kind {kind}; only continuous ones (Box) can be had")
    return _flat(identifier, env)


def _flat(identifier: str, env: gymnasium.Env) -> gymnasium.Env:
    space = env.observation_space
    if isinstance(space, spaces.Box) and (space.dtype == np.uint8 or math.prod(space.shape) > _MOST_NUMBERS):
        raise UserError(f"gymnasium:{identifier} observes images {space.shape}; policies here see vectors only")
    if isinstance(space, spaces.Box) and len(space.shape) == 1:
        return env
    if not space.is_np_flattenable:
        raise UserError(f"gymnasium:{identifier} observes a {type(space).__name__}, which cannot be made a vector")
    return FlattenObservation(env)


def _spec(identifier: str) -> EnvSpec:
    try:
        module, _, name = identifier.rpartition(":")
        if module:
            __import__(module)
        return gymnasium.spec(name)
    except ModuleNotFoundError as error:
        raise UserError(f"gymnasium:{identifier}: there is no Python package {error.name!r} here; install it") from None
    except gymnasium.error.Error as error:
        raise UserError(f"no environment gymnasium:{identifier}: {_sentence(error)}") from None


def _sentence(error: BaseException) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:300]
