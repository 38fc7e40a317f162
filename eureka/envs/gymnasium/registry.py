"""Creation of a Gymnasium environment from its id, with one-sentence errors."""

from __future__ import annotations

import math

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.wrappers import FlattenObservation

from eureka.errors import UserError

_ASSUMED_LIMIT = 1000  # Maximum control steps of an episode in environments without a time limit
_MOST_NUMBERS = 4096  # Larger observations are taken for images


def limit_of(identifier: str) -> int | None:
    """The environment's own limit on control steps per episode; None if it has none.

    Raises:
        UserError: the environment does not exist.
    """
    return _spec(identifier).max_episode_steps


def make(identifier: str) -> gymnasium.Env:
    """Make an environment with a time limit, vector observations and box actions.

    Raises:
        UserError: the id is unknown, a package is missing, or the spaces are not supported.
    """
    limit = limit_of(identifier) or _ASSUMED_LIMIT
    try:
        env = gymnasium.make(identifier, max_episode_steps=limit, disable_env_checker=True)
    except (gymnasium.error.Error, ImportError) as error:
        raise UserError(f"gymnasium:{identifier} cannot be made: {_sentence(error)}") from None
    except Exception as error:  # third-party constructors may raise anything
        raise UserError(f"gymnasium:{identifier} cannot be made: {type(error).__name__}: {_sentence(error)}") from None
    if not isinstance(env.action_space, spaces.Box):
        kind = type(env.action_space).__name__
        raise UserError(f"gymnasium:{identifier} has {kind} actions; only continuous actions (Box) are supported")
    return _flatten(identifier, env)


def _flatten(identifier: str, env: gymnasium.Env) -> gymnasium.Env:
    space = env.observation_space
    if isinstance(space, spaces.Box) and (space.dtype == np.uint8 or math.prod(space.shape) > _MOST_NUMBERS):
        raise UserError(f"gymnasium:{identifier} observes images {space.shape}; only vectors are supported")
    if isinstance(space, spaces.Box) and len(space.shape) == 1:
        return env
    if not space.is_np_flattenable:
        raise UserError(f"gymnasium:{identifier} observes a {type(space).__name__}, which cannot be flattened")
    return FlattenObservation(env)


def _spec(identifier: str) -> EnvSpec:
    try:
        module, _, name = identifier.rpartition(":")
        if module:
            __import__(module)
        return gymnasium.spec(name)
    except ModuleNotFoundError as error:
        raise UserError(f"gymnasium:{identifier}: Python package {error.name!r} not found; install it") from None
    except gymnasium.error.Error as error:
        raise UserError(f"no environment gymnasium:{identifier}: {_sentence(error)}") from None


def _sentence(error: BaseException) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:300]
