"""Renderers of a scene: OpenGL, MuJoCo Warp's ray tracer, which needs no graphics library, or the environment's own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from eureka.video.trajectory import Part, Trajectory, drawn, unpack

OPENGL = {"egl": "EGL", "osmesa": "OSMesa", "glfw": "GLFW", "cgl": "CGL"}  # values of MUJOCO_GL, with display names
WARP = "warp"
OWN = "own"  # pictures of the environment, in the trajectory
CAMERA = "view"  # Name of the camera that a scene should be viewed through
_GOAL_HEIGHT, _GOAL_ALPHA = 1.3, 0.55
"""Height of a goal marker above its position in radii of the object, and its opacity."""
_MARK_SIZE, _MARK_COLOUR = 0.02, np.array([0.15, 0.75, 0.3, 0.5], np.float32)
"""Radius of the marker of another goal, as a fraction of the scene's extent, and its colour."""
_ASPECT = 4 / 3  # Aspect ratio that the scenes' cameras are designed for
_MARGIN, _MAX_ZOOM_OUT, _MAX_STATES = 1.1, 1.8, 300
"""Margin around moving bodies, maximum factor of zooming out, and number of states checked for it."""
_SHOWN, _FARTHEST = 0.55, 3.0  # fractions of the extent: radius that the default camera shows, farthest place it shows
_TRACKING_DISTANCE, _TRACKING_ELEVATION = 0.6, -25.0
"""Of a tracking camera: fraction of the distance that shows the whole scene, and elevation in degrees."""
_SAMPLES = 2  # Rays per pixel along each axis


class Renderer(Protocol):
    """Renders a scene."""

    by: str  # Display name with the device

    def picture(self, part: Part, step: int) -> np.ndarray:
        """Render a control step, with goals if supported. (H, W, 3) uint8, which the next call may overwrite."""
        ...


def candidates(trajectory: Trajectory) -> list[str]:
    """Names of the renderers to try, in this order. MUJOCO_GL overrides the default."""
    if not trajectory.model:
        return [OWN]
    chosen = os.environ.get("MUJOCO_GL", "").strip().lower()
    if chosen in OPENGL or chosen == WARP:
        return [chosen]
    if chosen:  # the other values disable OpenGL
        return [WARP]
    if sys.platform == "darwin":
        return ["cgl", WARP]
    return ["egl", "osmesa", *(["glfw"] if os.environ.get("DISPLAY") else []), WARP]


def environment(name: str) -> Iterator[tuple[str, str]]:
    """Environment variables for the process of a renderer."""
    yield "MUJOCO_GL", "disable" if name == WARP else name
    for variable, value in os.environ.items():
        known = variable.startswith(("EGL_", "__EGL_", "__GLX_", "MESA_", "LIBGL_", "GALLIUM_", "XDG_RUNTIME_DIR"))
        if known or variable in ("DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "PYOPENGL_PLATFORM"):
            yield variable, value


def make(name: str, trajectory: Trajectory, width: int, height: int) -> Renderer:
    """Create one of `candidates`, its camera adjusted to what moves. Raises any library error."""
    if name == OWN:
        return _Own(trajectory, width, height)
    import mujoco

    scene = mujoco.MjModel.from_binary_path("scene.mjb", {"scene.mjb": trajectory.model})  # type: ignore[attr-defined]
    states = np.concatenate([part.state for part in trajectory.parts])
    marks = np.concatenate([part.marks.reshape(-1, 3) for part in trajectory.parts])
    _widen(scene, states, marks, width, height)
    return _Warp(scene, width, height) if name == WARP else _OpenGl(name, scene, width, height)


def _widen(model, states: np.ndarray, marks: np.ndarray, width: int, height: int) -> None:
    """Increase `fovy` (vertical, for images of 4:3) until moving bodies and marks are in the image, up to a limit."""
    import mujoco

    share = max(1.0, _ASPECT * height / width)
    screen, camera = model.vis.global_, mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA, CAMERA)
    screen.fovy = _widen_angle(screen.fovy, share)
    moving, every = np.flatnonzero(model.body_weldid[model.geom_bodyid] != 0), max(1, len(states) // _MAX_STATES)
    if camera < 0 and not _tracked(model):
        _show_all(model, states[::every], marks)
    if camera < 0 or model.cam_projection[camera]:
        return
    half = np.tan(np.radians(model.cam_fovy[camera]) / 2.0) * np.array([width / height, 1.0])
    data, needed, goals = mujoco.MjData(model), share, marks[:: max(1, len(marks) // _MAX_STATES)]
    for state in states[::every] if len(moving) or len(goals) else ():
        mujoco.mj_setState(model, data, state, mujoco.mjtState.mjSTATE_INTEGRATION)
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_camlight(model, data)
        there = data.cam_xpos[camera]
        reach = _FARTHEST * max(model.stat.extent, float(np.linalg.norm(there - model.stat.center)))
        near = goals[np.linalg.norm(goals - there, axis=-1) < reach]  # without a target on the horizon
        places = np.concatenate([data.geom_xpos[moving], near])
        seen = (places - there) @ data.cam_xmat[camera].reshape(3, 3)
        depth = -seen[:, 2]
        before = depth > 1e-6  # what is behind the camera is ignored
        if before.any():
            needed = max(needed, float((np.abs(seen[before, :2]) / depth[before, None] / half).max()) * _MARGIN)
    model.cam_fovy[camera] = _widen_angle(model.cam_fovy[camera], min(needed, share * _MAX_ZOOM_OUT))


def _show_all(model, states: np.ndarray, marks: np.ndarray) -> None:
    """Increase the extent, by which the default camera is placed, until it shows marks and moving bodies, likewise."""
    import mujoco

    data, moving = mujoco.MjData(model), model.body_weldid[model.geom_bodyid] != 0
    places = [marks]
    for state in states:
        mujoco.mj_setState(model, data, state, mujoco.mjtState.mjSTATE_INTEGRATION)
        mujoco.mj_kinematics(model, data)
        places.append(data.geom_xpos[moving])
    far, extent = np.linalg.norm(np.concatenate(places) - model.stat.center, axis=-1), model.stat.extent
    needed = far[far < _FARTHEST * extent].max(initial=0.0) / _SHOWN  # without a target on the horizon
    model.stat.extent = max(extent, min(needed, _MAX_ZOOM_OUT * extent))


def _tracked(model) -> bool:
    """Whether all that moves hangs on the first body, which is free: the default camera tracks it."""
    import mujoco

    moving = model.body_weldid != 0
    free = model.jnt_bodyid[model.jnt_type == mujoco.mjtJoint.mjJNT_FREE]
    return 1 in free and bool((model.body_rootid[moving] == 1).all())


def _widen_angle(angle: float, share: float) -> float:
    """Field of view in degrees that shows `share` times as much in each direction."""
    return 2.0 * float(np.degrees(np.arctan(np.tan(np.radians(angle) / 2.0) * share)))


class _OpenGl:
    def __init__(self, name: str, model, width: int, height: int):
        import mujoco

        self._mujoco, self._model, self._data = mujoco, model, mujoco.MjData(model)
        screen = model.vis.global_
        screen.offwidth, screen.offheight = max(screen.offwidth, width), max(screen.offheight, height)
        self._renderer = mujoco.Renderer(model, height, width)
        self._camera = self._choose_camera()
        there = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, "object")
        self._object = there if there >= 0 else None
        from OpenGL import GL

        found = GL.glGetString(GL.GL_RENDERER)
        device = found.decode(errors="replace").split(" (")[0] if isinstance(found, bytes) else "?"
        self.by = f"{OPENGL[name]} ({device})"

    def _choose_camera(self):
        """The scene's camera `view`, else one that tracks the robot, if it is free and alone, or shows the scene."""
        mujoco, model = self._mujoco, self._model
        if mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA, CAMERA) >= 0:
            return CAMERA
        camera = mujoco.MjvCamera()
        mujoco.mjv_defaultFreeCamera(model, camera)
        if _tracked(model):
            camera.type, camera.trackbodyid = mujoco.mjtCamera.mjCAMERA_TRACKING, 1
            camera.distance, camera.elevation = _TRACKING_DISTANCE * camera.distance, _TRACKING_ELEVATION
        return camera

    def picture(self, part: Part, step: int) -> np.ndarray:
        goal, state = part.goal[step], part.state[step]
        self._mujoco.mj_setState(self._model, self._data, state, self._mujoco.mjtState.mjSTATE_INTEGRATION)
        self._mujoco.mj_forward(self._model, self._data)
        self._renderer.update_scene(self._data, self._camera)
        if len(goal) and self._object is not None:
            self._show_goal(goal)
        self._mark(part.marks[step])
        return self._renderer.render()

    def _mark(self, marks: np.ndarray) -> None:
        sphere, size = self._mujoco.mjtGeom.mjGEOM_SPHERE, np.full(3, _MARK_SIZE * self._model.stat.extent)
        scene = self._renderer.scene
        for point in marks[: scene.maxgeom - scene.ngeom]:
            place = point.astype(np.float64)
            mark = scene.geoms[scene.ngeom]
            self._mujoco.mjv_initGeom(mark, sphere, size, place, np.eye(3).ravel(), _MARK_COLOUR)
            mark.emission = _MARK_COLOUR[3]  # also visible in the dark
            scene.ngeom += 1

    def _show_goal(self, goal: np.ndarray) -> None:
        """Draw a translucent copy of the object in its target orientation, above its target position."""
        mujoco, scene, body = self._mujoco, self._renderer.scene, self._object
        own = {int(g) for g in np.flatnonzero(self._model.geom_bodyid == body)}
        turned, there, toward, home = np.empty(4), np.empty(3), np.empty(4), np.empty(9)
        place, orientation = self._data.xpos[body], self._data.xquat[body]
        mujoco.mju_negQuat(turned, orientation)
        mujoco.mju_mulQuat(toward, goal[3:].astype(np.float64), turned)
        mujoco.mju_quat2Mat(home, toward)
        size = max((float(self._model.geom_rbound[g]) for g in own), default=0.0)
        above = goal[:3] + np.array([0.0, 0.0, _GOAL_HEIGHT * size])
        for i in range(scene.ngeom):
            seen = scene.geoms[i]
            if seen.objtype != mujoco.mjtObj.mjOBJ_GEOM or seen.objid not in own or scene.ngeom >= scene.maxgeom:
                continue
            mark = scene.geoms[scene.ngeom]
            mujoco.mju_rotVecQuat(there, seen.pos.astype(np.float64) - place, toward)
            matrix = home.reshape(3, 3) @ seen.mat.astype(np.float64)
            colour = np.append(seen.rgba[:3], _GOAL_ALPHA).astype(np.float32)
            mujoco.mjv_initGeom(mark, seen.type, seen.size, above + there, matrix.ravel(), colour)
            mark.dataid, mark.matid, mark.texcoord = seen.dataid, seen.matid, seen.texcoord
            scene.ngeom += 1


class _Own:
    """Shows the pictures that the environment has drawn."""

    by = "the environment"

    def __init__(self, trajectory: Trajectory, width: int, height: int):
        self._steps, self._size = drawn(trajectory.control_period, trajectory.steps), (width, height)

    def picture(self, part: Part, step: int) -> np.ndarray:
        from PIL import Image, ImageOps

        picture = Image.fromarray(unpack(part.pictures[self._steps.index(step)]))
        border = "#{:02x}{:02x}{:02x}".format(*np.asarray(picture)[0, 0])  # its corner continues into the margins
        return np.asarray(ImageOps.pad(picture, self._size, Image.Resampling.LANCZOS, border))


class _Warp:
    def __init__(self, model, width: int, height: int):
        import mujoco
        import mujoco_warp as mjw
        import warp as wp

        if not model.ncam:
            raise ValueError(f"MuJoCo Warp needs a camera in the scene, preferably named {CAMERA}")
        wp.config.log_level = wp.LOG_WARNING
        wp.init()
        self._mujoco, self._mjw, self._wp = mujoco, mjw, wp
        self._model, self._data = model, mujoco.MjData(model)
        # MuJoCo Warp rejects this flag; it has no effect on rendering.
        model.opt.disableflags &= ~mujoco.mjtDisableBit.mjDSBL_AUTORESET.value
        self._there = mjw.put_model(model)
        self._camera = max(0, mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA, CAMERA))
        skies = model.tex_type == mujoco.mjtTexture.mjTEXTURE_SKYBOX
        self._context = mjw.create_render_context(
            model,
            cam_res=(width, height),
            render_rgb=True,
            render_depth=False,
            use_shadows=True,
            render_skybox=bool(skies.any()),
            samples_per_pixel=_SAMPLES,
            cam_active=[camera == self._camera for camera in range(model.ncam)],
            background_color=(0.6, 0.7, 0.8, 1.0),
        )
        self._pixels = wp.zeros((1, height, width), dtype=wp.vec3)
        self.by = f"MuJoCo Warp's ray tracer ({wp.get_preferred_device().name})"

    def picture(self, part: Part, step: int) -> np.ndarray:
        state = part.state[step]
        self._mujoco.mj_setState(self._model, self._data, state, self._mujoco.mjtState.mjSTATE_INTEGRATION)
        self._mujoco.mj_forward(self._model, self._data)
        data = self._mjw.put_data(self._model, self._data)
        self._mjw.refit_bvh(self._there, data, self._context)
        self._mjw.render(self._there, data, self._context)
        self._mjw.get_rgb(self._context, 0, self._pixels)
        return (self._pixels.numpy()[0].clip(0.0, 1.0) * 255.0).astype(np.uint8)
