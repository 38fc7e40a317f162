"""Pictures of a scene: through OpenGL, or by MuJoCo Warp's ray tracer, which needs no graphics library at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Protocol

import numpy as np

OPENGL = {"egl": "EGL", "osmesa": "OSMesa", "glfw": "GLFW", "cgl": "CGL"}
"""What MUJOCO_GL may say, and what it is called."""
WARP = "warp"
CAMERA = "view"
"""The camera that a scene's author wants it seen through."""
_ABOVE, _TRANSLUCENT = 1.3, 0.55
"""How high above its place a goal is shown, in radii of the object, and how much of it covers what is behind."""
_SHAPE = 4 / 3
"""Width to height of the pictures that scenes' cameras are placed for."""
_EDGE, _WIDEST, _LOOKED_AT = 1.1, 1.8, 300
"""Room around what moves; how much more than its author wanted a camera may show; states looked at to find out."""
_NEAR, _ABOVE_GROUND = 0.6, -25.0
"""Of a camera that follows: share of the distance that shows the whole scene, and degrees it looks down."""
_SAMPLES = 2
"""Rays a pixel along each axis."""


class Renderer(Protocol):
    """Draws a scene."""

    by: str
    """With what, for people to read."""

    def picture(self, state: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8, which the next call may overwrite.

        Args:
            state: (S,) float64, MuJoCo's integration state.
            goal: (7,), where the body `object` is to be, which is shown if there is room for that; or (0,).
        """
        ...


def candidates() -> list[str]:
    """Names of the renderers to try, in this order. Who sets MUJOCO_GL has chosen."""
    chosen = os.environ.get("MUJOCO_GL", "").strip().lower()
    if chosen in OPENGL or chosen == WARP:
        return [chosen]
    if chosen:  # MuJoCo's ways of saying that there is to be no OpenGL
        return [WARP]
    if sys.platform == "darwin":
        return ["cgl", WARP]
    return ["egl", "osmesa", *(["glfw"] if os.environ.get("DISPLAY") else []), WARP]


def environment(name: str) -> Iterator[tuple[str, str]]:
    """Variables that the process of a renderer needs to see."""
    yield "MUJOCO_GL", "disable" if name == WARP else name
    for variable, value in os.environ.items():
        known = variable.startswith(("EGL_", "__EGL_", "__GLX_", "MESA_", "LIBGL_", "GALLIUM_", "XDG_RUNTIME_DIR"))
        if known or variable in ("DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "PYOPENGL_PLATFORM"):
            yield variable, value


def make(name: str, model: bytes, states: np.ndarray, width: int, height: int) -> Renderer:
    """A renderer; raises whatever a library makes of a machine without it.

    Args:
        name: one of `candidates`.
        model: a compiled scene, in MuJoCo's own form.
        states: (..., S) what will be shown, for the camera to be set.
        width, height: of pictures, in pixels.
    """
    import mujoco

    scene = mujoco.MjModel.from_binary_path("scene.mjb", {"scene.mjb": model})  # type: ignore[attr-defined]
    _widen(scene, states, width, height)
    return _Warp(scene, width, height) if name == WARP else _OpenGl(name, scene, width, height)


def _widen(model, states: np.ndarray, width: int, height: int) -> None:
    """Open the angle of the scene's camera until what moves stays in the picture, as far as that goes.

    Cameras are placed for pictures 4:3 of a good episode, and say of their angle that of the height.
    """
    import mujoco

    share = max(1.0, _SHAPE * height / width)
    screen, camera = model.vis.global_, mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA, CAMERA)
    screen.fovy = _opened(screen.fovy, share)
    if camera < 0 or model.cam_projection[camera]:
        return
    half = np.tan(np.radians(model.cam_fovy[camera]) / 2.0) * np.array([width / height, 1.0])
    data, needed = mujoco.MjData(model), share
    moving = np.flatnonzero(model.body_weldid[model.geom_bodyid] != 0)
    for state in states[:: max(1, len(states) // _LOOKED_AT)] if len(moving) else ():
        mujoco.mj_setState(model, data, state, mujoco.mjtState.mjSTATE_INTEGRATION)
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_camlight(model, data)
        seen = (data.geom_xpos[moving] - data.cam_xpos[camera]) @ data.cam_xmat[camera].reshape(3, 3)
        depth = -seen[:, 2]
        before = depth > 1e-6  # what is behind the camera no angle brings into the picture
        if before.any():
            needed = max(needed, float((np.abs(seen[before, :2]) / depth[before, None] / half).max()) * _EDGE)
    model.cam_fovy[camera] = _opened(model.cam_fovy[camera], min(needed, share * _WIDEST))


def _opened(angle: float, share: float) -> float:
    """Degrees, for a picture that shows `share` times as much each way."""
    return 2.0 * float(np.degrees(np.arctan(np.tan(np.radians(angle) / 2.0) * share)))


class _OpenGl:
    def __init__(self, name: str, model, width: int, height: int):
        import mujoco

        self._mujoco, self._model, self._data = mujoco, model, mujoco.MjData(model)
        screen = model.vis.global_
        screen.offwidth, screen.offheight = max(screen.offwidth, width), max(screen.offheight, height)
        self._renderer = mujoco.Renderer(model, height, width)
        self._camera = self._choose()
        there = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, "object")
        self._object = there if there >= 0 else None
        from OpenGL import GL

        told = GL.glGetString(GL.GL_RENDERER)
        device = told.decode(errors="replace").split(" (")[0] if isinstance(told, bytes) else "?"
        self.by = f"{OPENGL[name]} ({device})"

    def _choose(self):
        """The scene's own camera, else one that keeps the whole of it, or whatever moves freely, in sight."""
        mujoco, model = self._mujoco, self._model
        if mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA, CAMERA) >= 0:
            return CAMERA
        camera = mujoco.MjvCamera()
        mujoco.mjv_defaultFreeCamera(model, camera)
        free = np.flatnonzero(model.jnt_type == mujoco.mjtJoint.mjJNT_FREE)
        if len(free) and model.jnt_bodyid[free[0]] == 1:
            camera.type, camera.trackbodyid = mujoco.mjtCamera.mjCAMERA_TRACKING, 1
            # What follows a robot need not show how far it may go.
            camera.distance, camera.elevation = _NEAR * camera.distance, _ABOVE_GROUND
        return camera

    def picture(self, state: np.ndarray, goal: np.ndarray) -> np.ndarray:
        self._mujoco.mj_setState(self._model, self._data, state, self._mujoco.mjtState.mjSTATE_INTEGRATION)
        self._mujoco.mj_forward(self._model, self._data)
        self._renderer.update_scene(self._data, self._camera)
        if len(goal) and self._object is not None:
            self._show_goal(goal)
        return self._renderer.render()

    def _show_goal(self, goal: np.ndarray) -> None:
        """The object once more, above itself and translucent, turned as it is to be."""
        mujoco, scene, body = self._mujoco, self._renderer.scene, self._object
        own = {int(g) for g in np.flatnonzero(self._model.geom_bodyid == body)}
        turned, there, toward, home = np.empty(4), np.empty(3), np.empty(4), np.empty(9)
        place, orientation = self._data.xpos[body], self._data.xquat[body]
        mujoco.mju_negQuat(turned, orientation)
        mujoco.mju_mulQuat(toward, goal[3:].astype(np.float64), turned)
        mujoco.mju_quat2Mat(home, toward)
        size = max((float(self._model.geom_rbound[g]) for g in own), default=0.0)
        above = goal[:3] + np.array([0.0, 0.0, _ABOVE * size])
        for i in range(scene.ngeom):
            seen = scene.geoms[i]
            if seen.objtype != mujoco.mjtObj.mjOBJ_GEOM or seen.objid not in own or scene.ngeom >= scene.maxgeom:
                continue
            mark = scene.geoms[scene.ngeom]
            mujoco.mju_rotVecQuat(there, seen.pos.astype(np.float64) - place, toward)
            matrix = home.reshape(3, 3) @ seen.mat.astype(np.float64)
            colour = np.append(seen.rgba[:3], _TRANSLUCENT).astype(np.float32)
            mujoco.mjv_initGeom(mark, seen.type, seen.size, above + there, matrix.ravel(), colour)
            mark.dataid, mark.matid, mark.texcoord = seen.dataid, seen.matid, seen.texcoord
            scene.ngeom += 1


class _Warp:
    def __init__(self, model, width: int, height: int):
        import mujoco
        import mujoco_warp as mjw
        import warp as wp

        if not model.ncam:
            raise ValueError(f"MuJoCo Warp needs a camera in the scene, best one named {CAMERA}")
        wp.config.log_level = wp.LOG_WARNING
        wp.init()
        self._mujoco, self._mjw, self._wp = mujoco, mjw, wp
        self._model, self._data = model, mujoco.MjData(model)
        # Refused, and nothing is stepped here.
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

    def picture(self, state: np.ndarray, goal: np.ndarray) -> np.ndarray:
        self._mujoco.mj_setState(self._model, self._data, state, self._mujoco.mjtState.mjSTATE_INTEGRATION)
        self._mujoco.mj_forward(self._model, self._data)
        data = self._mjw.put_data(self._model, self._data)
        self._mjw.refit_bvh(self._there, data, self._context)
        self._mjw.render(self._there, data, self._context)
        self._mjw.get_rgb(self._context, 0, self._pixels)
        return (self._pixels.numpy()[0].clip(0.0, 1.0) * 255.0).astype(np.uint8)
