"""CPU physics: `mujoco.batch`, float64, on a thread pool; bit-identical for any number of threads."""

from __future__ import annotations

import mujoco
import numpy as np
import torch
from mujoco.batch import Batch
from torch import Tensor

from eureka.physics.base import DERIVED, STATE, VELOCITY
from eureka.physics.names import Named

_VELOCITY_STAGE = mujoco.mjtStage.mjSTAGE_VEL.value
_NO_STAGE = mujoco.mjtStage.mjSTAGE_NONE.value


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
        self._batch.forward(stage=_VELOCITY_STAGE)

    def _view(self, name: str) -> Tensor:
        array = self._batch.bind(name)
        return torch.from_numpy(array if array.flags.writeable else _writable_alias(array))

    def __getattr__(self, name: str) -> Tensor:
        if name not in VELOCITY:
            return super().__getattr__(name)
        setattr(self, name, self._view(name))
        self._batch.forward(stage=_VELOCITY_STAGE)  # a new view is 0 until the next call
        return self.__dict__[name]

    def step(self, substeps: int) -> None:
        self._batch.step(nstep=substeps, stage=_VELOCITY_STAGE)

    def reset(self, mask: Tensor) -> None:
        self._batch.reset(mask.numpy(), stage=_NO_STAGE)

    def forward(self, mask: Tensor) -> None:
        self._batch.forward(mask.numpy(), stage=_VELOCITY_STAGE)

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
        return {"state": torch.from_numpy(self._batch.state.copy())} | fields

    def load(self, saved: dict[str, Tensor]) -> None:
        for name, values in saved.items():
            if name.startswith("field/"):
                self.field(name.removeprefix("field/")).copy_(values)
        self._batch.state[:] = saved["state"].numpy()
        self._batch.forward(stage=_VELOCITY_STAGE)


def _writable_alias(array: np.ndarray) -> np.ndarray:
    """The same memory without the read-only flag, which torch cannot represent; derived fields are never written."""
    interface = dict(array.__array_interface__)
    interface["data"] = (interface["data"][0], False)
    alias = type("_Alias", (), {"__array_interface__": interface, "owner": array})()
    return np.asarray(alias)
