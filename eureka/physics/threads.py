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


class ThreadPhysics(Named):
    """`Physics` on the CPU; the Protocol documents the members."""

    def __init__(self, model: mujoco.MjModel, num_worlds: int, threads: int):
        """Make `num_worlds` worlds of `model`, stepped by `threads` threads."""
        # One MjData per world: without `persistent`, a field that a call does not compute has another world's value.
        self._batch = Batch(model, num_worlds, threads, persistent=True)
        self.model = self._batch.model
        self.num_worlds = num_worlds
        self.device = torch.device("cpu")
        for name in (*STATE, *DERIVED):
            setattr(self, name, self._view(name))
        self._fields: dict[str, Tensor] = {}
        self.late = self._stepped = False
        self._scratch: mujoco.MjData | None = None
        self._batch.forward(stage=_VELOCITY_STAGE)

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
            self._batch.forward(stage=_VELOCITY_STAGE)
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
            mujoco.mj_rnePostConstraint(self.model, data)
            forces[i] = data.cfrc_ext

    def reset(self, mask: Tensor) -> None:
        self._batch.reset(mask.numpy(), stage=_NO_STAGE)
        self._stepped = False
        if "cfrc_ext" in self.__dict__:
            self.cfrc_ext.masked_fill_(mask[:, None, None], 0.0)

    def forward(self, mask: Tensor) -> None:
        self._batch.forward(mask.numpy(), stage=_ALL_STAGES if self.late else _VELOCITY_STAGE)

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
        self._batch.forward(stage=_VELOCITY_STAGE)
        for name, values in saved.items():
            if name.startswith("late/"):
                getattr(self, name.removeprefix("late/")).copy_(values)


def _writable_alias(array: np.ndarray) -> np.ndarray:
    """The same memory without the read-only flag, which torch cannot represent; derived fields are never written."""
    interface = dict(array.__array_interface__)
    interface["data"] = (interface["data"][0], False)
    alias = type("_Alias", (), {"__array_interface__": interface, "owner": array})()
    return np.asarray(alias)
