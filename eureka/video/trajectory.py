"""Trajectories of policies for rendering, stored as one NumPy file without pickles."""

from __future__ import annotations

import io
import json
import zlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from eureka.errors import UserError
from eureka.system.files import write_whole

SUFFIX = ".npz"
RUNNING, TERMINATED, TIMED_OUT = 0, 1, 2  # Effect of a control step on its episode
_VERSION = 3
_ARRAYS = ("state", "values", "fitness", "ended", "length", "goal", "marks")  # of T control steps
_MIN_RATE = 25  # Frames per second; more frequent control steps are skipped
_MOST_BYTES = 1 << 26  # Of one picture


def rate_of(control_period: float) -> tuple[int, Fraction]:
    """Control steps per frame, and frames per second, for a film in real time."""
    steps = Fraction(1 / control_period).limit_denominator(1000)
    every = max(1, int(steps / _MIN_RATE))
    return every, steps / every


def drawn(control_period: float, steps: int) -> range:
    """The control steps that a film of `steps` shows."""
    return range(0, steps, rate_of(control_period)[0])


@dataclass(frozen=True)
class Part:
    """T control steps of one policy, over consecutive episodes."""

    label: str
    components: tuple[str, ...]  # Names of the C reward components; untrusted text
    state: np.ndarray  # (T, S) float64, MuJoCo's integration state after each step and before a reset
    values: np.ndarray  # (T, 1 + C) float32, total reward and components; (T, 0) if the reward is unknown
    fitness: np.ndarray  # (T,) float32, of the current episode
    ended: np.ndarray  # (T,) int8, `RUNNING`, `TERMINATED` or `TIMED_OUT`
    length: np.ndarray  # (T,) int64, control steps in the current episode, including this one
    goal: np.ndarray
    """(T, 7) float32, target pose of the body `object`: position in m and wxyz, world frame; (T, 0) without one."""
    marks: np.ndarray  # (T, M, 3) float32, m, world frame: goals that the scene does not show itself
    pictures: tuple[bytes, ...] = ()  # the environment's own of each drawn step, from `pack`, if MuJoCo does not draw

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns of `values`."""
        return ("total", *self.components) if self.values.shape[1] else ()

    def episodes(self) -> list[int]:
        """Steps that ended an episode."""
        return np.flatnonzero(self.ended).tolist()


@dataclass(frozen=True)
class Trajectory:
    """Trajectories of several policies in separate scenes, from the same initial states."""

    task: str
    control_period: float  # s between two steps
    model: bytes
    """Compiled scene in MuJoCo's binary format, readable only by the same version of MuJoCo; empty with `pictures`."""
    parts: tuple[Part, ...]

    @property
    def steps(self) -> int:
        """Number of control steps, T."""
        return len(self.parts[0].fitness)

    def save(self, path: Path) -> None:
        """Write the file atomically."""
        record = {
            "version": _VERSION,
            "task": self.task,
            "control_period": self.control_period,
            "parts": [
                {"label": part.label, "components": part.components, "pictures": len(part.pictures)}
                for part in self.parts
            ],
        }
        arrays = {f"{name}/{p}": getattr(part, name) for p, part in enumerate(self.parts) for name in _ARRAYS}
        arrays |= {
            f"picture/{p}/{n}": _bytes(data)
            for p, part in enumerate(self.parts)
            for n, data in enumerate(part.pictures)
        }
        arrays |= {"record": _bytes(json.dumps(record).encode()), "model": _bytes(self.model)}
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
        write_whole(path, buffer.getvalue())


def load(path: Path) -> Trajectory:
    """Load a file written by `Trajectory.save`; UserError if it is none or cannot be read."""
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
                    pictures=tuple(file[f"picture/{p}/{n}"].tobytes() for n in range(int(part["pictures"]))),
                )
                for p, part in enumerate(record["parts"])
            )
            found = Trajectory(str(record["task"]), float(record["control_period"]), file["model"].tobytes(), parts)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    except Exception as error:  # numpy raises arbitrary errors for other files
        raise UserError(f"{path} is not a trajectory of eureka play ({type(error).__name__})") from None
    lengths = {getattr(part, name).shape[:1] for part in parts for name in _ARRAYS}
    named = all(part.values.shape[1:] in ((0,), (1 + len(part.components),)) for part in parts)
    frames = len(drawn(found.control_period, found.steps))
    shown = all(found.model or len(part.pictures) == frames for part in parts)
    if len(lengths) != 1 or not named or not found.steps or not shown:
        raise UserError(f"{path} is damaged: its arrays have inconsistent shapes")
    return found


def pack(picture: np.ndarray) -> bytes:
    """Compress a picture (H, W, 3) uint8 without loss."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, picture, allow_pickle=False)
    return zlib.compress(buffer.getvalue(), 1)


def unpack(data: bytes) -> np.ndarray:
    """The picture of `pack`, (H, W, 3) uint8; raises any error of zlib and NumPy for other data."""
    plain = zlib.decompressobj().decompress(data, _MOST_BYTES)
    return np.lib.format.read_array(io.BytesIO(plain), allow_pickle=False)


def _bytes(data: bytes) -> np.ndarray:
    return np.frombuffer(data, dtype=np.uint8)
