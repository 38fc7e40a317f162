"""One environment of other people's code: what it returns is checked, and its errors become one sentence."""

from __future__ import annotations

import contextlib
import math
import re
import sysconfig
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import torch
from gymnasium.spaces import Box, flatdim, flatten

import eureka
from eureka.errors import UserError

_OURS = f"{Path(eureka.__file__).parent}/"
_GYMNASIUM = f"{Path(gymnasium.__file__).parent}/"
_STANDARD = sysconfig.get_paths()["stdlib"]
_LIBRARIES = {"gymnasium", "numpy", "torch", "mujoco"}
_LONGEST = 300  # Maximum characters of an exception's text
_MUST = {
    "reset": "must take seed and options, and return the two values observation and info",
    "step": "must return the five values observation, reward, terminated, truncated and info",
}


class Moment(NamedTuple):
    """The result of one control step."""

    observation: np.ndarray  # (O,) float32
    reward: float
    terminated: bool
    truncated: bool
    info: Mapping[str, Any]


class World:
    """An environment with checked results; all its errors are `UserError`."""

    def __init__(self, identifier: str, env: gymnasium.Env):
        """Play in `env`, which was made from `identifier`."""
        self.env, self._identifier, self._space = env, identifier, env.observation_space
        self._size = flatdim(self._space)
        self._is_vector = isinstance(self._space, Box) and len(self._space.shape) == 1

    def __del__(self):
        with contextlib.suppress(Exception):  # of its code, which frees windows or connections here
            self.env.close()

    def reset(self, seed: int, options: dict[str, Any] | None = None) -> np.ndarray:
        """Begin an episode; (O,) float32, the flattened observation."""
        with calling(f"gymnasium:{self._identifier} failed in reset()", self.env):
            found = self.env.reset(seed=seed, options=options)
            if not isinstance(found, tuple | list) or len(found) != 2 or not isinstance(found[1], Mapping | None):
                raise self.broken("reset", f"returned {_kind(found)}")
            return self._flat("reset", found[0])

    def step(self, action: Any) -> Moment:
        """Apply an action of the environment's own space for one control step."""
        with calling(f"gymnasium:{self._identifier} failed in step()", self.env):
            found = self.env.step(action)
            if not isinstance(found, tuple | list) or len(found) != 5:
                raise self.broken("step", f"returned {_kind(found)}")
            seen, reward, *flags, info = found
            paid = number(reward)
            if paid is None:
                raise self.broken("step", f"returned the reward {_shown(reward)}, which is not a number")
            ended = [0.0 if flag is None else number(flag) for flag in flags]
            if None in ended:
                raise self.broken("step", f"returned {_shown(flags[ended.index(None)])} for terminated or truncated")
            if not isinstance(info, Mapping | None):
                raise self.broken("step", f"returned info that is {_kind(info)}; it must be a dictionary")
            return Moment(self._flat("step", seen), paid, bool(ended[0]), bool(ended[1]), info or {})

    @property
    def can_draw(self) -> bool:
        """Whether it has the render mode rgb_array."""
        metadata = self.env.metadata
        modes = metadata.get("render_modes") if isinstance(metadata, Mapping) else None
        return isinstance(modes, list | tuple | set) and "rgb_array" in modes

    def draw(self) -> np.ndarray:
        """The picture that it draws itself, (H, W, 3) uint8."""
        with calling(f"gymnasium:{self._identifier} failed in render()", self.env):
            found = np.asarray(self.env.render())
            if found.dtype != np.uint8 or found.ndim != 3 or found.shape[2] != 3 or not found.size:
                what = f"returned an array {found.shape} of {found.dtype}; rgb_array is (height, width, 3) of uint8"
                raise self.broken("render", what)
            return found

    def _flat(self, method: str, seen: Any) -> np.ndarray:
        try:
            flat = np.asarray(seen if self._is_vector else flatten(self._space, seen), dtype=np.float32)
        except Exception as error:  # of any kind, for the observation may be anything
            what = f"returned an observation that does not fit observation_space ({type(error).__name__}: {error})"
            raise self.broken(method, what) from error
        if flat.shape != (self._size,):
            what = f"returned an observation of shape {flat.shape}, but observation_space has ({self._size},)"
            raise self.broken(method, f"{what}; make them equal")
        return flat

    def broken(self, method: str, what: str) -> UserError:
        """What a method did that breaks Gymnasium's interface, as an error to raise."""
        rule = f"; it {_MUST[method]}" if what.startswith("returned a ") else ""
        place = _definition(self.env, method)
        return UserError(f"gymnasium:{self._identifier}: {method}(){place} {' '.join(what.split())}{rule}")


@contextlib.contextmanager
def calling(doing: str, env: gymnasium.Env | None = None) -> Iterator[None]:
    """Around a call of other people's code: an exception, `SystemExit` included, becomes a `UserError`.

    Torch's default dtype, which that code may set, is restored.

    Args:
        doing: beginning of the sentence, such as `gymnasium:ID failed in step()`.
        env: the environment that is called, once it was made.
    """
    dtype = torch.get_default_dtype()
    try:
        yield
    except (UserError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        raise UserError(_old_interface(doing, error, env) or f"{doing}: {sentence(error)}") from error
    finally:
        torch.set_default_dtype(dtype)


def sentence(error: BaseException) -> str:
    """Type, text and place of an exception; without a text, the line of the source that raised it."""
    if error.__cause__ and "was raised from the environment creator" in str(error):  # by `gymnasium.make`, as another
        arguments = re.search(r"required .*argument|keyword argument", str(error))
        hint = "; its arguments are given by the key kwargs: of a task's YAML" if arguments else ""
        return sentence(error.__cause__) + hint
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg} ({error.filename}, line {error.lineno})"
    frame = _frame(error)
    text = " ".join(str(error).split())[:_LONGEST] or (frame.line if frame else "")
    place = f" ({frame.filename}, line {frame.lineno})" if frame else ""
    return f"{type(error).__name__}{': ' * bool(text)}{text}{place}"


def number(value: Any) -> float | None:
    """The number that a value is, or that an array of one element holds; None for anything else."""
    try:
        if isinstance(value, bool | int | float):
            return float(value)
        array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
        return float(array.reshape(-1)[0]) if array.size == 1 and array.dtype.kind in "biuf" else None
    except Exception:  # conversion of an object of other people
        return None


def told(info: Mapping[Any, Any], key: str) -> float | None:
    """The finite number under a key of an info; None if there is none."""
    found = number(info[key]) if key in info else None
    return found if found is not None and math.isfinite(found) else None


def _frame(error: BaseException) -> traceback.FrameSummary | None:
    """The last line of the user's code in a traceback; without it that of an installed package, and so on."""
    frames = traceback.extract_tb(error.__traceback__)
    ranks = [_rank(frame.filename) for frame in frames]
    return next((f for f, rank in zip(reversed(frames), reversed(ranks), strict=True) if rank == max(ranks) > 0), None)


def _rank(file: str) -> int:
    """3 for the user's code, 2 for a package, 1 for a library below it, 0 for what no message should name."""
    if file.startswith(("<", _OURS)) or file.endswith("gymnasium/envs/registration.py"):
        return 0
    if installed := re.split(r"(?:site|dist)-packages/", file)[1:]:
        return 1 if installed[-1].split("/")[0] in _LIBRARIES else 2
    return 1 if file.startswith(_STANDARD) else 3


def _old_interface(doing: str, error: BaseException, env: gymnasium.Env | None) -> str | None:
    """What to change in an environment that was written for gym before 0.26; None if that is not the fault."""
    if env is None or not isinstance(error, TypeError | ValueError):
        return None
    method = "reset" if doing.endswith("reset()") else "step"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    ours = frame.filename.startswith(_GYMNASIUM) and frame.name == method  # a wrapper's line, not the environment's
    keyword = re.search(r"reset\(\) got an unexpected keyword argument '(seed|options)'", str(error))
    if not ours or not (keyword or "unpack" in str(error)):
        return None
    identifier = doing.partition(" ")[0]
    return f"{identifier} has the old interface of gym: its {method}(){_definition(env, method)} {_MUST[method]}"


def _definition(env: gymnasium.Env, method: str) -> str:
    code = getattr(getattr(type(env.unwrapped), method, None), "__code__", None)
    return f" ({code.co_filename}, line {code.co_firstlineno})" if code else ""


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}" + (f" of {len(value)} values" if isinstance(value, tuple | list) else "")


def _shown(value: Any) -> str:
    return repr(value)[:60]
