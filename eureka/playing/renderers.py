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
_SAMPLES = 2
"""Rays a pixel along each axis."""


class Renderer(Protocol):
    """Draws a scene."""

    by: str
    """With what, for people to read."""

    def picture(self, state: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8, for an integration state (S,) float64; the next call may overwrite it."""
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


def make(name: str, model: bytes, width: int, height: int) -> Renderer:
    """The renderer of that name for a compiled scene; raises whatever a library makes of a machine without it."""
    import mujoco

    scene = mujoco.MjModel.from_binary_path("scene.mjb", {"scene.mjb": model})  # type: ignore[attr-defined]
    return _Warp(scene, width, height) if name == WARP else _OpenGl(name, scene, width, height)


class _OpenGl:
    def __init__(self, name: str, model, width: int, height: int):
        import mujoco

        self._mujoco, self._model, self._data = mujoco, model, mujoco.MjData(model)
        screen = model.vis.global_
        screen.offwidth, screen.offheight = max(screen.offwidth, width), max(screen.offheight, height)
        self._renderer = mujoco.Renderer(model, height, width)
        self._camera = self._choose()
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
        return camera

    def picture(self, state: np.ndarray) -> np.ndarray:
        self._mujoco.mj_setState(self._model, self._data, state, self._mujoco.mjtState.mjSTATE_INTEGRATION)
        self._mujoco.mj_forward(self._model, self._data)
        self._renderer.update_scene(self._data, self._camera)
        return self._renderer.render()


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

    def picture(self, state: np.ndarray) -> np.ndarray:
        self._mujoco.mj_setState(self._model, self._data, state, self._mujoco.mjtState.mjSTATE_INTEGRATION)
        self._mujoco.mj_forward(self._model, self._data)
        data = self._mjw.put_data(self._model, self._data)
        self._mjw.refit_bvh(self._there, data, self._context)
        self._mjw.render(self._there, data, self._context)
        self._mjw.get_rgb(self._context, 0, self._pixels)
        return (self._pixels.numpy()[0].clip(0.0, 1.0) * 255.0).astype(np.uint8)
