"""A task's scene from a MuJoCo XML or URDF file, for `eureka new-task --from FILE`.

Runs as a separate program, so that the command line does not load MuJoCo: `python -m eureka.envs.scene FILE FOLDER`
writes `scene.xml` and `assets/` into FOLDER, and `answer.json` with what the template needs, or with an error.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mujoco
import numpy as np

from eureka.envs.gymnasium.fields import unique
from eureka.errors import UserError
from eureka.physics.fields import Field, scene_fields, word

_PERIOD, _DURATION = 0.02, 5.0  # s between two actions and of an episode, about
_FLOOR = (0.55, 0.6, 0.65, 1.0)
_DRIVEN = {mujoco.mjtJoint.mjJNT_HINGE: "N m", mujoco.mjtJoint.mjJNT_SLIDE: "N"}
"""Joints that a motor can drive, with the unit of its force."""
_BODY = {"xpos": "position", "xquat": "rotation", "linear": "linear_velocity", "angular": "angular_velocity"}
_TAKEN = {"joint_positions", "joint_velocities", "action", "last_action"}


def sketch(path: Path, folder: Path) -> dict[str, Any]:
    """Write the scene in `path` to `folder`, complete and ready to be moved; returns what the template needs.

    Raises:
        UserError: the file cannot be read, is no scene, names missing files, or has nothing to drive.
    """
    try:
        spec: Any = mujoco.MjSpec.from_file(str(path))
        _collect(spec, path, folder)
        spec.modelfiledir, spec.meshdir, spec.texturedir, spec.strippath = str(folder), "assets", "assets", False
        notes = [*_name(spec), *_drive(spec, path), *_lay_floor(spec)]
        spec.compile()
        (folder / "scene.xml").write_text(spec.to_xml(), encoding="utf-8")
        model = mujoco.MjSpec.from_file(str(folder / "scene.xml")).compile()
    except (ValueError, OSError, mujoco.FatalError) as error:
        said = "; ".join(filter(None, (line.strip(" :") for line in str(error).splitlines())))
        raise UserError(f"{path} cannot be used as a scene: {said.removeprefix('Error: ')}") from None
    period = model.opt.timestep * max(1, round(_PERIOD / model.opt.timestep))
    actuators = [_actuator(model, i) for i in range(model.nu)]
    if free := [a["name"] for a in actuators if a["assumed"]]:
        notes.append(f"without a control range in the scene: {', '.join(free)}; -1 to 1 is assumed (TODO in task.py)")
    named = [f for f in scene_fields(model) if f.source != "site_xpos"]
    fields = unique([*named, *_site_fields(model)], _TAKEN)
    return {
        "nq": model.nq,
        "nv": model.nv,
        "action_size": model.nu,
        "period": period,
        "horizon": round(_DURATION / period),
        "home": bool(model.nkey),
        "actuators": actuators,
        "fields": [{"name": f.name, "doc": _plain(f.text), "code": code} for f in fields if (code := _code(model, f))],
        "notes": notes,
    }


def _collect(spec: Any, path: Path, folder: Path) -> None:
    """Copy all files that the scene names to `assets`, and let it name the copies."""
    taken: dict[str, Path] = {}

    def collected(name: str, inside: str) -> str:
        source = _find(name, path.parent, inside, spec.strippath)
        if source is None:
            raise UserError(f"{path} names the file {name}, which is not in {path.parent / inside}")
        target, number = source.name, 2
        while taken.get(target, source) != source:
            target, number = f"{source.stem}_{number}{source.suffix}", number + 1
        if target not in taken:
            taken[target] = source
            (folder / "assets").mkdir(exist_ok=True)
            shutil.copyfile(source, folder / "assets" / target)
        return target

    for asset in (*spec.meshes, *spec.skins, *spec.hfields, *spec.textures):
        inside = spec.texturedir if isinstance(asset, mujoco.MjsTexture) else spec.meshdir
        if asset.file:
            asset.file = collected(asset.file, inside)
    for texture in spec.textures:
        texture.cubefiles = [collected(name, spec.texturedir) if name else "" for name in texture.cubefiles]


def _find(name: str, folder: Path, inside: str, strip: bool) -> Path | None:
    """The file that a scene in `folder` names; of a URDF's `package://ROBOT/FILE`, in a folder above."""
    if name.startswith("package://"):
        robot, _, rest = name.removeprefix("package://").partition("/")
        places = [above / part for above in (folder, *folder.parents) for part in (f"{robot}/{rest}", rest)]
    else:
        name = Path(name).name if strip else name.removeprefix("file://")
        places = [folder / inside / name, folder / name]
    return next((place for place in places if place.is_file()), None)


def _name(spec: Any) -> Iterator[str]:
    """Name the joints and moving bodies that have no name."""
    names, given = {thing.name for thing in (*spec.bodies, *spec.joints)}, []

    def name(thing: Any, word: str) -> None:
        if not thing.name:
            while word in names:
                word += "_"
            thing.name = word
            names.add(word)
            given.append(word)

    for number, body in enumerate([body for body in spec.bodies if body.joints], 1):
        name(body, f"body_{number}")
        for joint in body.joints:
            name(joint, f"{body.name}_{mujoco.mjtJoint(joint.type).name.removeprefix('mjJNT_').lower()}")
    if given:
        yield f"named in scene.xml what had no name: {', '.join(given)}"


def _drive(spec: Any, path: Path) -> Iterator[str]:
    """Add a motor to each hinge and slide joint of a scene without actuators."""
    if spec.actuators:
        return
    model, limits = spec.compile(), []
    for i in range(model.njnt):
        kind, name = mujoco.mjtJoint(model.jnt_type[i]), model.joint(i).name
        if kind in _DRIVEN:
            limited = model.jnt_actfrclimited[i] and model.jnt_actfrcrange[i, 1] > 0
            limit = float(model.jnt_actfrcrange[i, 1]) if limited else 1.0
            motor = spec.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
            motor.gear[0], motor.ctrlrange[:], motor.ctrllimited = limit, (-1.0, 1.0), True
            limits.append(f"{name} {limit:g} {_DRIVEN[kind]}{'' if limited else ' (assumed)'}")
    if not limits:
        raise UserError(f"{path} has no actuators, and no hinge or slide joint that a motor could drive; add actuators")
    yield f"the scene has no actuators: scene.xml has a motor on each hinge and slide joint: {', '.join(limits)}"


def _lay_floor(spec: Any) -> Iterator[str]:
    """Add a floor below a scene in which bodies would fall without end."""
    model = spec.compile()
    fixed = (model.body_weldid[model.geom_bodyid] == 0) & ((model.geom_contype | model.geom_conaffinity) != 0)
    falls = (model.jnt_type == mujoco.mjtJoint.mjJNT_FREE).any() and model.opt.gravity[2] < 0
    if not falls or fixed.any():
        return
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    turn, box = data.geom_xmat.reshape(-1, 3, 3)[:, 2], model.geom_aabb.reshape(-1, 2, 3)
    low = data.geom_xpos[:, 2] + (turn * box[:, 0]).sum(-1) - (np.abs(turn) * box[:, 1]).sum(-1)
    height = float(low.min(initial=0.0))
    plane = mujoco.mjtGeom.mjGEOM_PLANE
    spec.worldbody.add_geom(name="floor", type=plane, size=[0, 0, 0.05], pos=[0, 0, height], rgba=_FLOOR)
    yield f"the scene has nothing to stand on: scene.xml has a floor at height {height:.3g} m"


def _actuator(model: mujoco.MjModel, i: int) -> dict[str, Any]:
    """Name, control range and meaning of an actuator; `assumed`: the range is not the scene's."""
    low, high = map(float, model.actuator_ctrlrange[i])
    assumed = not (model.actuator_ctrllimited[i] and np.isfinite([low, high]).all() and low < high)
    low, high = (-1.0, 1.0) if assumed else (low, high)
    gain, bias = model.actuator_gainprm[i], model.actuator_biasprm[i]
    on_joint = model.actuator_trntype[i] == mujoco.mjtTrn.mjTRN_JOINT
    joint = int(model.actuator_trnid[i, 0])
    name = model.actuator(i).name or (model.joint(joint).name if on_joint else f"actuator {i}")
    unit = _DRIVEN.get(mujoco.mjtJoint(model.jnt_type[joint])) if on_joint else None
    about = f"{name} {low:g} to {high:g}"
    if unit and model.actuator_dyntype[i] == mujoco.mjtDyn.mjDYN_NONE and not bias[:3].any():
        factor = float(model.actuator_gear[i, 0] * gain[0])
        about = f"{name} {factor * low:g} to {factor * high:g} {unit} on the joint {model.joint(joint).name}"
    elif unit and bias[1] == -gain[0] != 0:
        metric = "rad" if unit == "N m" else "m"
        about = f"{name} {low:g} to {high:g} {metric}, where the joint {model.joint(joint).name} is driven to"
    return {"name": _plain(name), "low": low, "high": high, "doc": _plain(about), "assumed": assumed}


def _plain(text: str) -> str:
    """Text that can stand in a docstring and a comment."""
    return re.sub(r'[\\"\x00-\x1f]', "_", text)


def _site_fields(model: mujoco.MjModel) -> Iterator[Field]:
    for i in range(model.nsite):
        if name := model.site(i).name:
            yield Field(f"{word(name)}_site_position", (3,), f"m, of the site {name}, world frame", "site", (i,))


def _code(model: mujoco.MjModel, field: Field) -> str:
    """The code that reads a field by name; empty for what others say already, and for velocities of what is fixed."""
    at = field.index[0]
    match field.source:
        case "site":
            return f"sim.site({json.dumps(model.site(at).name)}).position.float()"
        case "sensordata":
            start = at.start if isinstance(at, slice) else at
            (i,) = np.flatnonzero((model.sensor_adr == start) & (model.sensor_dim > 0))[:1]
            return f"sim.sensor({json.dumps(model.sensor(i).name)}).float(){'' if field.shape else '[:, 0]'}"
        case "qpos" | "qvel" as source:
            start = at.start if isinstance(at, slice) else at
            i = int(np.flatnonzero((model.jnt_qposadr if source == "qpos" else model.jnt_dofadr) <= start)[-1])
            if model.jnt_type[i] == mujoco.mjtJoint.mjJNT_FREE:
                return ""
            value = "position" if source == "qpos" else "velocity"
            return f"sim.joint({json.dumps(model.joint(i).name)}).{value}.float()"
        case source:
            if source in ("linear", "angular") and model.body_weldid[at] == 0:
                return ""
            return f"sim.body({json.dumps(model.body(at).name)}).{_BODY[source]}.float()"


if __name__ == "__main__":
    path, folder = map(Path, sys.argv[1:])
    try:
        answer = sketch(path, folder)
    except UserError as error:
        answer = {"error": str(error)}
    (folder / "answer.json").write_text(json.dumps(answer), encoding="utf-8")
