"""Facts about an environment for `eureka new-task --from gymnasium:ID`, as JSON in a file.

Runs as a separate program without API keys, because it runs the environment's code.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

import numpy as np

from eureka.config.tasks import PREFIX, EnvironmentFile, LoadedTask
from eureka.envs.gymnasium.description import describe
from eureka.envs.gymnasium.env import GymnasiumTask
from eureka.envs.gymnasium.fields import physics_of
from eureka.envs.gymnasium.world import calling
from eureka.errors import UserError

_ACCESS = {
    "qpos": "sim.qpos[:, {}].float()",
    "qvel": "sim.qvel[:, {}].float()",
    "xpos": "sim.xpos[:, {}].float()",
    "xquat": "sim.xquat[:, {}].float()",
}
"""Code with which a task's class reads a field's source; `Sim` has no velocities of bodies."""


def sketch(identifier: str) -> dict[str, Any]:
    """Collect the environment's model, fields and settings.

    Raises:
        UserError: it cannot be made, or has no MuJoCo model file.
    """
    file = EnvironmentFile(name="sketch", task=PREFIX + identifier)
    task = GymnasiumTask(file)
    physics, own = physics_of(task.example), task.example.unwrapped
    path = Path(getattr(own, "fullpath", ""))
    if physics is None or not path.is_file():
        raise UserError(f"{file.task} has no MuJoCo model file; a task on batched physics needs one")
    model, limits = physics[0], physics[0].actuator_ctrlrange
    description = describe(LoadedTask(path=Path(file.task), file=file), task, {})
    package = type(own).__module__.partition(".")[0]
    return {
        "identifier": identifier,
        "goal": description.goal,
        "termination": description.termination or "Nothing.",
        "package": package,
        "licence": _licence(package),
        "model": _inside(package, path),
        "period": float(model.opt.timestep) * int(getattr(own, "frame_skip", 1)),
        "horizon": task.horizon,
        "action_size": int(model.nu),
        "unlimited": [model.actuator(i).name or f"number {i}" for i in np.flatnonzero(limits[:, 0] >= limits[:, 1])],
        "nq": int(model.nq),
        "nv": int(model.nv),
        "noise": float(getattr(own, "_reset_noise_scale", 0.01)),
        "fields": [
            {"name": f.name, "doc": f.text, "code": _code(f.source, f.index)}
            for f in task.fields
            if f.source in _ACCESS
        ]
        + [
            {"name": f.name, "doc": f.text, "code": _sensor_code(model.sensor(i).name, f.shape)}
            for i, f in zip(_named_sensors(model), [f for f in task.fields if f.source == "sensordata"], strict=True)
        ],
        "observation": _observation(task, own, model),
        "observation_size": task.observation_size,
    }


def _named_sensors(model: Any) -> list[int]:
    return [i for i in range(model.nsensor) if model.sensor(i).name]


def _sensor_code(name: str, shape: tuple[int, ...]) -> str:
    return f"sim.sensor({name!r}).float()" + ("" if shape else "[:, 0]")


def _code(source: str, index: tuple[Any, ...]) -> str:
    at = index[0]
    return _ACCESS[source].format(f"{at.start}:{at.stop}" if isinstance(at, slice) else at)


def _observation(task: GymnasiumTask, own: Any, model: Any) -> dict[str, Any] | None:
    """How the observation is built from positions and velocities, tried on one state; None if it has other parts."""
    data, skipped = own.data, model.nq + model.nv - task.observation_size
    if not 0 <= skipped < model.nq or not hasattr(own, "_get_obs"):
        return None
    task.example.reset(seed=0)
    for _ in range(5):
        task.example.step(task.example.action_space.sample())
    data.qvel[:] = np.linspace(-30.0, 30.0, model.nv)
    seen = np.asarray(own._get_obs())
    for bound in (None, 10.0):
        speed = data.qvel if bound is None else np.clip(data.qvel, -bound, bound)
        if np.allclose(seen, np.concatenate([data.qpos[skipped:], speed])):
            return {"skipped": skipped, "bound": bound}
    return None


def _inside(package: str, path: Path) -> str:
    """The model's path relative to its package, or absolute if it is elsewhere."""
    found = importlib.util.find_spec(package)
    folder = Path(found.origin).resolve().parent if found and found.origin else None
    inside = folder is not None and path.resolve().is_relative_to(folder)
    return str(path.resolve().relative_to(folder)) if folder and inside else str(path.resolve())


def _licence(package: str) -> str:
    try:
        about = metadata(package.replace("_", "-"))
    except PackageNotFoundError:
        return "to be looked up"
    found = [about[key] for key in ("License-Expression", "License") if key in about]
    return found[0].splitlines()[0] if found and found[0] else "to be looked up"


if __name__ == "__main__":
    try:
        with calling(f"{PREFIX}{sys.argv[1]} cannot be inspected"):
            answer = sketch(sys.argv[1])
    except UserError as error:
        answer = {"error": str(error)}
    Path(sys.argv[2]).write_text(json.dumps(answer), encoding="utf-8")
