"""What a camera and a panel need to know of policies at play: one file of arrays, without pickles."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eureka.errors import UserError
from eureka.system.files import write_whole

SUFFIX = ".npz"
GOES_ON, TERMINATED, TIMED_OUT = 0, 1, 2
"""What a control step did to its episode."""
_VERSION = 1
_ARRAYS = ("state", "values", "fitness", "ended", "length", "goal")


@dataclass(frozen=True)
class Part:
    """One policy at play, T control steps, episode after episode."""

    label: str
    components: tuple[str, ...]
    """Names of its reward's components, C; a stranger's words."""
    state: np.ndarray
    """(T, S) float64, MuJoCo's integration state after each step, before the reset if that ended an episode."""
    values: np.ndarray
    """(T, 1 + C) float32, total reward and components; (T, 0) where the policy's reward is not known."""
    fitness: np.ndarray
    """(T,) float32, of the episode so far."""
    ended: np.ndarray
    """(T,) int8, `GOES_ON`, `TERMINATED` or `TIMED_OUT`."""
    length: np.ndarray
    """(T,) int64, control steps of the episode so far, this one included."""
    goal: np.ndarray
    """(T, 7) float32, position in m and wxyz that the body `object` is to have, world frame; (T, 0) without one."""

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns of `values` are called."""
        return ("total", *self.components) if self.values.shape[1] else ()

    def episodes(self) -> list[int]:
        """The steps that ended an episode."""
        return np.flatnonzero(self.ended).tolist()


@dataclass(frozen=True)
class Trajectory:
    """Policies at play in scenes of their own, from the same start states."""

    task: str
    control_period: float
    """s between two steps."""
    model: bytes
    """The compiled scene, in MuJoCo's own binary form, which only the same version of MuJoCo reads."""
    parts: tuple[Part, ...]

    @property
    def steps(self) -> int:
        """T."""
        return len(self.parts[0].fitness)

    def save(self, path: Path) -> None:
        """Write it, whole or not at all."""
        record = {
            "version": _VERSION,
            "task": self.task,
            "control_period": self.control_period,
            "parts": [{"label": part.label, "components": part.components} for part in self.parts],
        }
        arrays = {f"{name}/{p}": getattr(part, name) for p, part in enumerate(self.parts) for name in _ARRAYS}
        arrays |= {"record": _bytes(json.dumps(record).encode()), "model": _bytes(self.model)}
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
        write_whole(path, buffer.getvalue())


def load(path: Path) -> Trajectory:
    """What `Trajectory.save` wrote.

    Raises:
        UserError: it cannot be read, or is something else.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            record = json.loads(file["record"].tobytes())
            if record["version"] != _VERSION:
                raise ValueError(f"version {record['version']}")
            parts = tuple(
                Part(
                    label=str(part["label"]),
                    components=tuple(map(str, part["components"])),
                    **{name: file[f"{name}/{p}"] for name in _ARRAYS},
                )
                for p, part in enumerate(record["parts"])
            )
            found = Trajectory(str(record["task"]), float(record["control_period"]), file["model"].tobytes(), parts)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
    except Exception as error:  # whatever numpy makes of a file that is something else
        raise UserError(f"{path} is no trajectory of eureka play ({type(error).__name__})") from None
    lengths = {getattr(part, name).shape[:1] for part in parts for name in _ARRAYS}
    named = all(part.values.shape[1:] in ((0,), (1 + len(part.components),)) for part in parts)
    if len(lengths) != 1 or not named or not found.steps:
        raise UserError(f"{path} is damaged: its arrays do not belong together")
    return found


def _bytes(data: bytes) -> np.ndarray:
    return np.frombuffer(data, dtype=np.uint8)
