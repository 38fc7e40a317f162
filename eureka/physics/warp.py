"""GPU physics: MuJoCo Warp, float32, each kernel over all worlds.

Stepping. After a substep (`mujoco_warp.step`) everything but the state is one substep old. Only what the Protocol
promises is then recomputed: poses, velocities and the sensors that depend on them. The next step recomputes contacts
and the mass matrix from the state. The alternative, `step2` then `step1`, computes nothing twice but is slower on a
GPU: every control step has two masked resets with a `forward` each, since the host cannot check whether a world needs
one, and each `forward` would search contacts in all worlds again. (On Warp's CPU device with 256 ants or Shadow hands,
`step1` takes half as long as a substep with 105 or 120 kernel launches; the update here 3 or 4 % with 21 or 24.) A
scene with other sensors (tendon speeds, limits, distances) runs the whole first half of a step.

Loops. MuJoCo Warp 4.0.0 builds `connect` and `weld` constraints before it computes the velocities that enter them, and
so uses those of the previous step. MuJoCo does not; on the tray of ball_balance the error is over a hundred times that
of float32. In scenes with such constraints, velocities are updated before each substep.

Graphs. On a GPU, step, forward and reset are each captured once and replayed. During an outer capture on torch's
current stream, the kernels are launched into that capture. Warp then runs on torch's stream (`ScopedStream`, without
events on its own stream, which is not part of the capture) and registers the capture (`capture_begin(external=True)`).
Only then does the solver's loop, `wp.capture_while`, become a conditional node; otherwise it would copy its condition
to the host in every iteration. Warp's temporary arrays become allocation nodes, which torch allows (its graphs free
them at each launch). To capture torch code after physics in one graph, use `eureka.physics.graphs.Graph`.

Resetting. Torch writes the rows of the state. `mujoco_warp.reset_data` also clears fields that `forward` recomputes,
rebuilds seven kernels at every call (0.01 s) and clears the bits of `overflow`.

Without a GPU, as in tests, the same code runs on Warp's CPU device: slow, and without capture.
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
from eureka.physics.base import DERIVED, ON_DEMAND, STATE
from eureka.physics.buffers import Sizes
from eureka.physics.graphs import Graph
from eureka.physics.names import Named

try:
    import warp as wp

    wp.config.log_level = wp.LOG_WARNING  # otherwise one line for each of a hundred modules
    import mujoco_warp as mjw
except ImportError as error:
    raise UserError(f"mujoco-warp cannot be imported ({error}); install it with pip install -e '.[gpu]'") from None

_STATE = (
    *("time", "qpos", "qvel", "act", "qacc_warmstart", "ctrl", "qfrc_applied", "xfrc_applied", "eq_active"),
    *("mocap_pos", "mocap_quat", "userdata", "history", "plastic"),
)
"""MuJoCo's integration state: all that the next step depends on."""
_PLAIN_SENSORS = (
    *("MAGNETOMETER", "VELOCIMETER", "GYRO", "JOINTPOS", "JOINTVEL", "TENDONPOS", "BALLQUAT", "BALLANGVEL"),
    *("FRAMEPOS", "FRAMEQUAT", "FRAMEXAXIS", "FRAMEYAXIS", "FRAMEZAXIS", "FRAMELINVEL", "FRAMEANGVEL"),
    *("SUBTREECOM", "SUBTREELINVEL", "SUBTREEANGMOM", "CLOCK"),
)
"""Sensors that depend on poses and velocities alone."""
_LAST_SUBSTEP = ("qfrc_actuator", "sensordata")
"""Fields of the last substep that a task reads and `forward` does not recompute."""

_streams: dict[tuple[int, int], Any] = {}


class WarpPhysics(Named):
    """`Physics` on a GPU; the Protocol documents the members."""

    def __init__(self, model: mujoco.MjModel, num_worlds: int, device: str, sizes: Sizes, varied: Sequence[str] = ()):
        """Make `num_worlds` worlds of `model` on `device` and load their kernels.

        Args:
            model: the scene.
            num_worlds: W.
            device: such as "cuda:0", or "cpu" for Warp's CPU device.
            sizes: buffer sizes for contacts and constraints.
            varied: model fields available from `field`; their memory is allocated here. Allowed are the fields that
                Warp stores per world: most float fields ("body_mass", "geom_friction", "dof_damping",
                "actuator_gainprm", ...) and options ("opt.gravity", "opt.timestep"). Topology, counts and switches
                ("geom_condim", "opt.iterations") are not. If a field is zero everywhere, the kernels that read it may
                have been left out.

        Raises:
            UserError: MuJoCo Warp does not support the scene, or a name in `varied` is not such a field.
            EnvironmentFault: Warp's kernel cache cannot be written.
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
                f"Warp cannot write its kernel cache: {error}; set WARP_CACHE_PATH to another folder"
            ) from error
        if self.device.type == "cuda" and not wp.is_conditional_graph_supported():
            raise UserError("NVIDIA driver too old for GPU physics: update to CUDA 12.4 or newer, or use the CPU")
        with self._stream():
            self._make(sizes, varied)
            self._warm_up()
        self.compile_seconds = time.perf_counter() - began
        """s to make the worlds, mostly for compiling kernels or loading them from Warp's cache."""

    def _make(self, sizes: Sizes, varied: Sequence[str]) -> None:
        options = [name.removeprefix("opt.") for name in varied if name.startswith("opt.")]
        fields = [name for name in varied if not name.startswith("opt.")]
        scene = copy.copy(self.model)
        # MuJoCo Warp rejects this flag; it never resets a world by itself.
        scene.opt.disableflags &= ~mujoco.mjtDisableBit.mjDSBL_AUTORESET.value
        try:
            self._model = mjw.put_model(scene, batch_sizes=dict.fromkeys(fields, self.num_worlds))
        except (NotImplementedError, ValueError) as error:
            raise UserError(f"MuJoCo Warp cannot simulate the scene that scene() returns: {error}") from error
        self._model.opt.warn_overflow = False  # it prints one line per world and step
        # Selects box-box collisions as in MuJoCo, with up to eight contact points.
        self._model.opt.disableflags |= mjw.DisableBit.NATIVECCD
        for name in options:
            shared = getattr(self._model.opt, name, None)
            if not isinstance(shared, wp.array):
                raise UserError(f"opt.{name} cannot differ between worlds in MuJoCo Warp; leave it out of `varied`")
            rows = wp.empty(self.num_worlds, dtype=shared.dtype, device=shared.device)
            _view(rows).copy_(_view(shared).expand_as(_view(rows)))
            setattr(self._model.opt, name, rows)
        self._data = mjw.make_data(scene, self.num_worlds, nconmax=sizes.nconmax, njmax=sizes.njmax)
        view = {name: _view(getattr(self._data, name)) for name in (*_STATE, *_LAST_SUBSTEP, "overflow")}
        for name in (*STATE, *DERIVED, *ON_DEMAND):
            if name != "cfrc_ext":
                setattr(self, name, view[name] if name in view else _view(getattr(self._data, name)))
        self.late, self._stepped = False, 0
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

    def __getattr__(self, name: str) -> Tensor:
        if name != "cfrc_ext":
            return super().__getattr__(name)
        self.cfrc_ext = _view(self._data.cfrc_ext)  # computed from now on
        self.cfrc_ext.zero_()
        if self._stepped:
            self._run(("forces", 0), lambda: mjw.rne_postconstraint(self._model, self._data))
        self._graphs.pop(("step", self._stepped), None)
        return self.cfrc_ext

    def step(self, substeps: int) -> None:
        self._run(("step", substeps), lambda: self._step(substeps))
        self._stepped = substeps

    def reset(self, mask: Tensor) -> None:
        self._stepped = 0
        self._mask.copy_(mask)
        self._run(("reset", 0), self._reset)

    def forward(self, mask: Tensor) -> None:
        # Computes all worlds: those outside `mask` get the values that they already have.
        if self.late:
            self._mask.copy_(mask)
        self._run(("forward", 0), self._forward if self.late else self._refresh)

    def field(self, name: str) -> Tensor:
        if name not in self._fields:
            known = ", ".join(self._fields) or "none"
            raise UserError(
                f"model field {name} cannot vary{did_you_mean(name, self._fields)}: its memory was not allocated "
                f"(allocated: {known}); name it in `varied` when the worlds are made"
            )
        return self._fields[name]

    def overflow(self) -> Tensor:
        return self._overflow.clone()

    def clear_overflow(self) -> None:
        self._overflow.zero_()

    def save(self) -> dict[str, Tensor]:
        fields = {f"field/{name}": values.clone() for name, values in self._fields.items()}
        late = {f"late/{name}": rows.clone() for name, rows in self._late().items()} if self.late else {}
        return {f"state/{name}": rows.clone() for name, rows in self._rows.items()} | fields | late

    def load(self, saved: dict[str, Tensor]) -> None:
        for name, values in saved.items():
            kind, key = name.split("/", 1)
            if kind != "late":
                (self._rows if kind == "state" else self._fields)[key].copy_(values)
        self._run(("refresh", 0), self._refresh)
        for name, values in saved.items():
            if name.startswith("late/"):
                getattr(self, name.removeprefix("late/")).copy_(values)

    def _step(self, substeps: int) -> None:
        for _ in range(substeps):
            if self._loops:
                mjw.fwd_kinematics(self._model, self._data)
                mjw.com_vel(self._model, self._data)
            mjw.step(self._model, self._data)
        if not self.late:
            self._refresh()
        elif "cfrc_ext" in self.__dict__:
            mjw.rne_postconstraint(self._model, self._data)

    def _late(self) -> dict[str, Tensor]:
        """The fields that a late task reads, by name; (W, ...) each."""
        return {name: self.__dict__[name] for name in (*DERIVED, *ON_DEMAND) if name in self.__dict__}

    def _forward(self) -> None:
        # The other worlds keep the fields of their last substep, and what the solver starts from.
        rows = [*self._late().values(), self._rows["qacc_warmstart"]]
        kept = [values.clone() for values in rows]
        mjw.forward(self._model, self._data)
        for values, old in zip(rows, kept, strict=True):
            torch.where(self._mask.reshape(-1, *[1] * (values.dim() - 1)), values, old, out=values)

    def _refresh(self) -> None:
        # Unlike `mujoco_warp.step1`, this keeps the force sensors of the last substep.
        model, data = self._model, self._data
        if self._plain:
            mjw.fwd_kinematics(model, data)
            mjw.com_vel(model, data)
        else:
            self.sensordata.masked_fill_(self._early, 0.0)  # an inactive limit sensor writes nothing
            mjw.fwd_position(model, data)
            mjw.fwd_velocity(model, data)
        mjw.sensor_pos(model, data)
        mjw.sensor_vel(model, data)

    def _reset(self) -> None:
        for name, rows in self._rows.items():
            mask = self._mask.reshape(-1, *[1] * (rows.dim() - 1))
            torch.where(mask, self._initial[name], rows, out=rows)
        if "cfrc_ext" in self.__dict__:
            self.cfrc_ext.masked_fill_(self._mask[:, None, None], 0.0)

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
        """Run Warp on torch's current stream, and in its capture if there is one."""
        if self.device.type == "cpu":
            with wp.ScopedDevice("cpu"):
                yield
            return
        torch_stream = torch.cuda.current_stream(self.device)
        # Never freed: the end of a wp.Stream unregisters torch's stream for all others that wrap it.
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
    """A torch tensor on the same memory; vectors and matrices add trailing axes."""
    if array.size:
        return wp.to_torch(array)
    # An empty Warp array has no address, so torch cannot wrap it.
    inner = getattr(array.dtype, "_shape_", ())
    return torch.zeros(*array.shape, *inner, device=wp.device_to_torch(array.device))
