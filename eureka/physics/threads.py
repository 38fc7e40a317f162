"""CPU physics: `mujoco.batch`, float64, on a thread pool; bit-identical for any number of threads."""

from __future__ import annotations

import mujoco
import numpy as np
import torch
from mujoco.batch import Batch
from torch import Tensor

from eureka.physics.base import DERIVED, ON_DEMAND, STATE
from eureka.physics.names import Named

_VELOCITY_STAGE = mujoco.mjtStage.mjSTAGE_VEL.value
_NO_STAGE = mujoco.mjtStage.mjSTAGE_NONE.value
_ALL_STAGES = mujoco.mjtStage.mjSTAGE_ACC.value
_FEW = 512  # Worlds up to which an MjData each is faster, on two cores with 32 MB of cache


class ThreadPhysics(Named):
    """`Physics` on the CPU; the Protocol documents the members.

    A few worlds have an MjData each, 190 kB or more, from which their next step continues without a computation of
    their positions. More of them do not fit into the processor's cache, and share the MjData of the thread that steps
    them. The results are the same. Worlds of a `late` task always have their own, since it reads what a step left.
    """

    def __init__(self, model: mujoco.MjModel, num_worlds: int, threads: int):
        """Make `num_worlds` worlds of `model`, stepped by `threads` threads."""
        self.num_worlds, self._threads = num_worlds, threads
        self.device = torch.device("cpu")
        sleeps = model.opt.enableflags & mujoco.mjtEnableBit.mjENBL_SLEEP.value
        self._late = False
        self._make(model, persistent=num_worlds <= _FEW or bool(sleeps) or model.nplugin > 0)

    def _make(self, model: mujoco.MjModel, persistent: bool) -> None:
        self._batch = Batch(model, self.num_worlds, self._threads, persistent=persistent)
        self.model = self._batch.model
        for name in (*STATE, *DERIVED):
            self.__dict__[name] = self._view(name)
        self._initial = self._batch.state[0].copy()
        self._fields: dict[str, Tensor] = {}
        self._stepped = False
        self._scratch: mujoco.MjData | None = None
        late_sensors = [i for i in range(model.nsensor) if model.sensor_needstage[i] == _ALL_STAGES]
        columns = [model.sensor_adr[i] + k for i in late_sensors for k in range(model.sensor_dim[i])]
        self._last_columns = torch.tensor(columns, dtype=torch.int64)
        """Columns of `sensordata` that are those of the last substep."""
        self._forward(None)

    @property
    def late(self) -> bool:
        return self._late

    @late.setter
    def late(self, value: bool) -> None:
        if value and not self._batch.persistent:
            self._make(self.model, persistent=True)
        self._late = value

    def _forward(self, ids: np.ndarray | None) -> None:
        """Compute positions and velocities; forces stay those of the last substep."""
        views = self._forces()
        kept = [view.clone() for view in views]
        readings = self.sensordata[:, self._last_columns]
        self._batch.forward(ids, stage=_VELOCITY_STAGE)
        for view, values in zip(views, kept, strict=True):
            view.copy_(values)
        self.sensordata.index_copy_(1, self._last_columns, readings)

    def _forces(self) -> list[Tensor]:
        return [self.__dict__[name] for name in ("qfrc_actuator", "qfrc_constraint") if name in self.__dict__]

    def _view(self, name: str) -> Tensor:
        array = self._batch.bind(name)
        return torch.from_numpy(array if array.flags.writeable else _writable_alias(array))

    def __getattr__(self, name: str) -> Tensor:
        if name not in ON_DEMAND:
            return super().__getattr__(name)
        if name == "cfrc_ext":
            self._contacts = self._batch.bind("ncon")
            self.cfrc_ext = torch.zeros(self.num_worlds, self.model.nbody, 6, dtype=torch.float64)
            if self._stepped:
                self._contact_forces()
            return self.cfrc_ext
        view = self._view(name)  # it is 0 until the next call
        if self.late:
            for i in range(self.num_worlds):
                view[i] = torch.from_numpy(getattr(self._data(i), name))
        else:
            self._forward(None)
            if name == "qfrc_constraint":
                view.zero_()
        setattr(self, name, view)
        return view

    def _data(self, world: int) -> mujoco.MjData:
        """A copy of all data of one world, which the next call overwrites."""
        if self._scratch is None:
            self._scratch = mujoco.MjData(self.model)
        return self._batch.get_data(world, self._scratch)

    def step(self, substeps: int) -> None:
        self._batch.step(nstep=substeps, stage=_NO_STAGE if self.late else _VELOCITY_STAGE)
        self._stepped = True
        if "cfrc_ext" in self.__dict__:
            self._contact_forces()

    def _contact_forces(self) -> None:
        # MuJoCo computes them in a step for certain sensors only, and with the integrator RK4 at another state than
        # Gymnasium's environments, which call `mj_rnePostConstraint` after the step. A world without contacts has none.
        forces = self.cfrc_ext.numpy()
        touching = (self._contacts > 0) | (self.model.neq > 0)
        forces[~touching] = 0.0
        for i in touching.nonzero()[0].tolist():
            data = self._data(i)
            if not self._batch.persistent:
                mujoco.mj_forward(self.model, data)
            mujoco.mj_rnePostConstraint(self.model, data)
            forces[i] = data.cfrc_ext

    def reset(self, mask: Tensor) -> None:
        if self._batch.persistent or self._fields:
            self._batch.reset(mask.numpy(), stage=_NO_STAGE)
        else:  # without the threads: the state is all that a world has
            self._batch.state[mask.numpy()] = self._initial
            for view in (*self._forces(), self.sensordata):
                view.masked_fill_(mask[:, None], 0.0)
        self._stepped = False
        if "cfrc_ext" in self.__dict__:
            self.cfrc_ext.masked_fill_(mask[:, None, None], 0.0)

    def forward(self, mask: Tensor) -> None:
        if self.late:
            self._batch.forward(mask.numpy(), stage=_ALL_STAGES)
        else:
            self._forward(mask.numpy())

    def field(self, name: str) -> Tensor:
        if name not in self._fields:
            self._fields[name] = torch.from_numpy(self._batch.expand(name))
        return self._fields[name]

    def overflow(self) -> Tensor:
        return torch.zeros(self.num_worlds, dtype=torch.int32)

    def clear_overflow(self) -> None:
        """Do nothing: MuJoCo's own buffers grow as needed."""

    def counts(self) -> tuple[Tensor, Tensor]:
        """(W,) int32 each, updated in place: the numbers of contacts and of constraint rows in the current state."""
        return self._view("ncon"), self._view("nefc")

    def warnings(self) -> dict[str, int]:
        """Number of MuJoCo warnings since the worlds were made, by name, summed over worlds."""
        totals = self._batch.warning[:, :, 1].sum(axis=0)
        names = {kind.value: name.removeprefix("mjWARN_") for name, kind in mujoco.mjtWarning.__members__.items()}
        return {names[i]: int(total) for i, total in enumerate(totals) if total}

    def save(self) -> dict[str, Tensor]:
        fields = {f"field/{name}": values.clone() for name, values in self._fields.items()}
        state = torch.from_numpy(self._batch.state.copy())
        used = [name for name in (*DERIVED, *ON_DEMAND) if name in self.__dict__] if self.late else []
        return {"state": state} | fields | {f"late/{name}": self.__dict__[name].clone() for name in used}

    def load(self, saved: dict[str, Tensor]) -> None:
        for name, values in saved.items():
            if name.startswith("field/"):
                self.field(name.removeprefix("field/")).copy_(values)
        self._batch.state[:] = saved["state"].numpy()
        self._forward(None)
        for name, values in saved.items():
            if name.startswith("late/"):
                getattr(self, name.removeprefix("late/")).copy_(values)


def _writable_alias(array: np.ndarray) -> np.ndarray:
    """The same memory without the read-only flag, which torch cannot represent; derived fields are never written."""
    interface = dict(array.__array_interface__)
    interface["data"] = (interface["data"][0], False)
    alias = type("_Alias", (), {"__array_interface__": interface, "owner": array})()
    return np.asarray(alias)
