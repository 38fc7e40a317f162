"""GPU physics: MuJoCo Warp, float32, every kernel over all worlds at once.

Stepping. A substep is `mujoco_warp.step`, after which all but the state is one substep old. What the Protocol promises
to be fresh is then computed from the new state and no more: places, velocities, and the sensors of those. Contacts and
the mass matrix wait for the next step, which computes everything from the state that it finds. The other way, to cut
steps behind the velocities (`step2`, then `step1`) and to compute nothing twice, costs more in an environment on a GPU:
there every control step has two resets with a `forward` each, since nobody can look whether a world needs one, and
each would have to find the contacts of all worlds again. (Warp's CPU device, 256 ants or Shadow hands: `step1` takes
half as long as a substep, what is made fresh here 3 or 4 % as long, with 21 or 24 launches of kernels to its 105 or
120.) A scene whose sensors need more than that (tendon speeds, limits, distances) gets the whole first half of a step.

Loops. MuJoCo Warp 4.0.0 makes the constraints of `connect` and `weld` before it computes the velocities that enter
them, and so takes those of the step before. MuJoCo does not; on the tray of ball_balance the error is over a hundred
times that of float32. Where a scene has such constraints, velocities are brought up to date before each substep.

Graphs. On a GPU each of step, forward and reset is captured once and replayed. While somebody else captures on
torch's current stream, the kernels are launched into that capture instead. For that, Warp has to work on torch's stream
(`ScopedStream`, without the events that would tie it to its own stream, which is not part of the capture), and has to
be told of the capture (`capture_begin(external=True)`): only then does the solver's loop, `wp.capture_while`, become a
conditional node of the graph; otherwise it would read its condition back to the host at every iteration. Warp's
temporary arrays become allocation nodes, which torch's way of instantiating graphs (freeing at each launch) allows.
Whoever captures torch code after physics in one graph needs `eureka.physics.graphs.Graph`, for the reason given there.

Resetting. The rows of the state are written by torch. `mujoco_warp.reset_data` does more than is needed (whatever it
clears besides is computed anew by `forward`), and forgets more than it should: it builds seven kernels anew at every
call (0.01 s) and clears the bits of `overflow`.

Without a GPU the same code runs on Warp's CPU device, as tests do: slow, and nothing is captured.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import mujoco
import numpy as np
import torch
from torch import Tensor

from eureka.errors import EnvironmentFault, UserError, did_you_mean
from eureka.physics.base import reading, write_state
from eureka.physics.buffers import Sizes
from eureka.physics.graphs import Graph

try:
    import warp as wp

    wp.config.log_level = wp.LOG_WARNING  # else a line for each of a hundred modules
    import mujoco_warp as mjw
except ImportError as error:
    raise UserError(f"physics on a GPU needs mujoco-warp ({error}): pip install -e '.[gpu]'") from None

_STATE = (
    *("time", "qpos", "qvel", "act", "qacc_warmstart", "ctrl", "qfrc_applied", "xfrc_applied", "eq_active"),
    *("mocap_pos", "mocap_quat", "userdata", "history", "plastic"),
)
"""What MuJoCo calls the integration state: the next step depends on nothing else."""
_PLAIN_SENSORS = (
    *("MAGNETOMETER", "VELOCIMETER", "GYRO", "JOINTPOS", "JOINTVEL", "TENDONPOS", "BALLQUAT", "BALLANGVEL"),
    *("FRAMEPOS", "FRAMEQUAT", "FRAMEXAXIS", "FRAMEYAXIS", "FRAMEZAXIS", "FRAMELINVEL", "FRAMEANGVEL"),
    *("SUBTREECOM", "SUBTREELINVEL", "SUBTREEANGMOM", "CLOCK"),
)
"""Sensors that need no more than places and velocities."""
_LAST_SUBSTEP = ("qfrc_actuator", "sensordata")
"""What a task may see of the last substep, and no forward computes again."""

_streams: dict[tuple[int, int], Any] = {}


class WarpPhysics:
    """`Physics` on a GPU; see the Protocol for what each member means."""

    def __init__(self, model: mujoco.MjModel, num_worlds: int, device: str, sizes: Sizes, varied: Sequence[str] = ()):
        """Make `num_worlds` worlds of `model` on `device` and load every kernel that they need.

        Args:
            model: the scene.
            num_worlds: how many worlds.
            device: "cuda:0" and the like, or "cpu" for Warp's own CPU device.
            sizes: room for contacts and constraints.
            varied: model fields that `field` will be asked for. Memory for them is laid out here, once. It can be any
                field that Warp has for each world, which are most of floats ("body_mass", "geom_friction",
                "dof_damping", "actuator_gainprm", ...) and of options ("opt.gravity", "opt.timestep"), but none that
                says how things are connected, counts or is a switch ("geom_condim", "opt.iterations"). A field that
                is zero everywhere may have left out the kernels that would read it.

        Raises:
            UserError: the scene has what MuJoCo Warp lacks, or a name of `varied` is no such field.
            EnvironmentFault: Warp's cache of compiled kernels cannot be written.
        """
        self.model, self.num_worlds = model, num_worlds
        self.device = torch.device(device)
        if self.device.type == "cuda" and self.device.index is None:
            self.device = torch.device("cuda", torch.cuda.current_device())
        began = time.perf_counter()
        try:
            wp.init()
        except OSError as error:
            raise EnvironmentFault(
                f"Warp cannot keep its kernels: {error}; name another folder in WARP_CACHE_PATH"
            ) from error
        if self.device.type == "cuda" and not wp.is_conditional_graph_supported():
            raise UserError("physics on a GPU needs an NVIDIA driver for CUDA 12.4 or newer; update it, or use the CPU")
        with self._stream():
            self._make(sizes, varied)
            self._warm_up()
        self.compile_seconds = time.perf_counter() - began
        """s that making the worlds took, nearly all of it compiling kernels, or loading them from Warp's cache."""

    def _make(self, sizes: Sizes, varied: Sequence[str]) -> None:
        options = [name.removeprefix("opt.") for name in varied if name.startswith("opt.")]
        fields = [name for name in varied if not name.startswith("opt.")]
        scene = copy.copy(self.model)
        # Refused, since MuJoCo Warp never resets a world of its own accord anyway.
        scene.opt.disableflags &= ~mujoco.mjtDisableBit.mjDSBL_AUTORESET.value
        try:
            self._model = mjw.put_model(scene, batch_sizes=dict.fromkeys(fields, self.num_worlds))
        except (NotImplementedError, ValueError) as error:
            raise UserError(f"MuJoCo Warp cannot simulate this scene: {error}") from error
        self._model.opt.warn_overflow = False  # printed from the GPU, a line a world and step
        # This one only chooses how boxes collide with boxes: as in MuJoCo, with up to eight points of contact.
        self._model.opt.disableflags |= mjw.DisableBit.NATIVECCD
        for name in options:
            shared = getattr(self._model.opt, name, None)
            if not isinstance(shared, wp.array):
                raise UserError(f"opt.{name} cannot differ between worlds in MuJoCo Warp")
            rows = wp.empty(self.num_worlds, dtype=shared.dtype, device=shared.device)
            _view(rows).copy_(_view(shared).expand_as(_view(rows)))
            setattr(self._model.opt, name, rows)
        self._data = mjw.make_data(scene, self.num_worlds, nconmax=sizes.nconmax, njmax=sizes.njmax)
        view = {name: _view(getattr(self._data, name)) for name in (*_STATE, *_LAST_SUBSTEP, "overflow")}
        self.qpos, self.qvel, self.ctrl = view["qpos"], view["qvel"], view["ctrl"]
        self.xpos, self.xquat = _view(self._data.xpos), _view(self._data.xquat)
        self.site_xpos = _view(self._data.site_xpos)
        self.qfrc_actuator, self.sensordata = view["qfrc_actuator"], view["sensordata"]
        self._overflow = view.pop("overflow")
        self._rows = {name: rows for name, rows in view.items() if rows.numel()}
        self._initial = {name: rows[:1].clone() for name, rows in self._rows.items()}
        self._fields = {name: _view(getattr(self._model, name)) for name in fields}
        self._fields |= {f"opt.{name}": _view(getattr(self._model.opt, name)) for name in options}

        early = np.flatnonzero(self.model.sensor_needstage != mujoco.mjtStage.mjSTAGE_ACC.value)
        plain = [getattr(mujoco.mjtSensor, f"mjSENS_{name}") for name in _PLAIN_SENSORS]
        self._plain = bool(np.isin(self.model.sensor_type[early], plain).all())
        columns = torch.zeros(self.model.nsensordata, dtype=torch.bool)
        for i in early:
            columns[self.model.sensor_adr[i] :][: self.model.sensor_dim[i]] = True
        self._early = columns.to(self.device)
        loop = (mujoco.mjtEq.mjEQ_CONNECT, mujoco.mjtEq.mjEQ_WELD)
        self._loops = bool(np.isin(self.model.eq_type, loop).any())
        self._all = torch.ones(self.num_worlds, dtype=torch.bool, device=self.device)
        self._mask = torch.zeros_like(self._all)
        self._graphs: dict[tuple[str, int], Graph] = {}

    def _warm_up(self) -> None:
        self._refresh()
        self._step(1)
        self._mask.fill_(True)
        self._reset()
        self._refresh()
        self._overflow.zero_()
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def sensor(self, name: str) -> Tensor:
        return reading(self, name)

    def assign(self, mask: Tensor, *, qpos: Tensor | None = None, qvel: Tensor | None = None) -> None:
        write_state(self, mask, qpos, qvel)

    def step(self, substeps: int) -> None:
        self._run(("step", substeps), lambda: self._step(substeps))

    def reset(self, mask: Tensor) -> None:
        self._mask.copy_(mask)
        self._run(("reset", 0), self._reset)

    def forward(self, mask: Tensor) -> None:
        # All worlds are computed, also those that need it not: that gives them the numbers that they have already.
        self._run(("forward", 0), self._refresh)

    def field(self, name: str) -> Tensor:
        if name not in self._fields:
            known = ", ".join(self._fields) or "none"
            raise UserError(
                f"{name}{did_you_mean(name, self._fields)} is not among the model fields that these worlds were made to vary "
                f"in ({known}): memory on a GPU is laid out once"
            )
        return self._fields[name]

    def overflow(self) -> Tensor:
        return self._overflow.clone()

    def clear_overflow(self) -> None:
        self._overflow.zero_()

    def save(self) -> dict[str, Tensor]:
        fields = {f"field/{name}": values.clone() for name, values in self._fields.items()}
        return {f"state/{name}": rows.clone() for name, rows in self._rows.items()} | fields

    def load(self, saved: dict[str, Tensor]) -> None:
        for name, values in saved.items():
            kind, key = name.split("/", 1)
            (self._rows if kind == "state" else self._fields)[key].copy_(values)
        self.forward(self._all)

    def _step(self, substeps: int) -> None:
        for _ in range(substeps):
            if self._loops:
                mjw.fwd_kinematics(self._model, self._data)
                mjw.com_vel(self._model, self._data)
            mjw.step(self._model, self._data)
        self._refresh()

    def _refresh(self) -> None:
        # Unlike `mujoco_warp.step1`, this leaves the sensors of the last substep's forces as they are.
        model, data = self._model, self._data
        if self._plain:
            mjw.fwd_kinematics(model, data)
            mjw.com_vel(model, data)
        else:
            self.sensordata.masked_fill_(self._early, 0.0)  # a limit out of reach writes nothing
            mjw.fwd_position(model, data)
            mjw.fwd_velocity(model, data)
        mjw.sensor_pos(model, data)
        mjw.sensor_vel(model, data)

    def _reset(self) -> None:
        for name, rows in self._rows.items():
            mask = self._mask.reshape(-1, *[1] * (rows.dim() - 1))
            torch.where(mask, self._initial[name], rows, out=rows)

    def _run(self, key: tuple[str, int], work: Callable[[], None]) -> None:
        if self.device.type == "cpu":
            with self._stream():
                work()
            return
        with torch.cuda.device(self.device):
            if torch.cuda.is_current_stream_capturing():
                with self._stream():
                    work()
                return
            if key not in self._graphs:
                self._graphs[key] = Graph(lambda: self._run(key, work))
            self._graphs[key]()

    @contextmanager
    def _stream(self) -> Iterator[None]:
        """Have Warp work where torch works: on its current stream, and in the capture that goes on there."""
        if self.device.type == "cpu":
            with wp.ScopedDevice("cpu"):
                yield
            return
        torch_stream = torch.cuda.current_stream(self.device)
        # Kept for ever: a wp.Stream that goes away makes Warp forget torch's stream, also for others of the same.
        key = (torch_stream.device_index, torch_stream.cuda_stream)
        if key not in _streams:
            _streams[key] = wp.stream_from_torch(torch_stream)
        stream = _streams[key]
        with wp.ScopedStream(stream, sync_enter=False):
            if stream.is_capturing:
                with wp.ScopedCapture(stream=stream, external=True, force_module_load=False):
                    yield
            else:
                yield


def _view(array: Any) -> Tensor:
    """The same memory as a torch tensor; trailing axes for vectors and matrices."""
    if array.size:
        return wp.to_torch(array)
    # Warp's array of no bytes has no address, which torch cannot take over.
    inner = getattr(array.dtype, "_shape_", ())
    return torch.zeros(*array.shape, *inner, device=wp.device_to_torch(array.device))
