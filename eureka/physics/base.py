"""The seam between tasks and simulators: one model, W worlds, torch views of their state.

Freshness, on every backend: after `step`, `reset` and `forward`, fields that depend on positions and velocities
(xpos, xquat, position and velocity sensors) describe the present state; forces and acceleration-stage sensors
belong to the last substep.
"""

from __future__ import annotations

from typing import Protocol

import mujoco
import torch
from torch import Tensor


class Sim(Protocol):
    """What a task sees: views into the state of all W worlds, in the backend's own dtype, updated in place."""

    model: mujoco.MjModel
    """The compiled scene, for sizes, names and limits."""
    num_worlds: int
    device: torch.device
    qpos: Tensor
    """(W, nq) positions; writable."""
    qvel: Tensor
    """(W, nv) velocities; writable."""
    ctrl: Tensor
    """(W, nu) actuator inputs; writable."""
    xpos: Tensor
    """(W, nbody, 3) m, body origins, world frame."""
    xquat: Tensor
    """(W, nbody, 4) wxyz, body orientations, world frame."""
    site_xpos: Tensor
    """(W, nsite, 3) m, world frame."""
    qfrc_actuator: Tensor
    """(W, nv) N or N m, actuator forces in joint space, of the last substep."""
    sensordata: Tensor
    """(W, nsensordata), all sensors in the order of the model."""

    def sensor(self, name: str) -> Tensor:
        """(W, dim) readings of one sensor, a slice of `sensordata`."""
        ...

    def assign(self, mask: Tensor, *, qpos: Tensor | None = None, qvel: Tensor | None = None) -> None:
        """Write the state of the worlds in `mask` (W,) bool and leave the others as they are."""
        ...


class Physics(Sim, Protocol):
    """A simulator. Worlds are independent; nothing here draws random numbers."""

    def step(self, substeps: int) -> None:
        """Advance every world by `substeps` time steps of the model."""
        ...

    def reset(self, mask: Tensor) -> None:
        """Put the worlds in `mask` (W,) bool into the model's initial state; derived fields wait for `forward`."""
        ...

    def forward(self, mask: Tensor) -> None:
        """Make the fields of the worlds in `mask` (W,) bool describe their present state."""
        ...

    def field(self, name: str) -> Tensor:
        """(W, ...) values of one model field that may now differ between worlds, such as `body_mass`; writable."""
        ...

    def overflow(self) -> Tensor:
        """(W,) int32, a copy: the bits (`eureka.physics.buffers`) of buffers too small since `clear_overflow`; else 0.

        Bits stay when a world is reset: whoever trains reads them at the end of a rollout.
        """
        ...

    def clear_overflow(self) -> None:
        """Forget the bits of all worlds."""
        ...

    def save(self) -> dict[str, Tensor]:
        """Everything that `load` needs to go on exactly from here, as copies."""
        ...

    def load(self, saved: dict[str, Tensor]) -> None:
        """Go on from what `save` gave, of the same model; row i of `saved` becomes world i."""
        ...


def reading(sim: Sim, name: str) -> Tensor:
    """(W, dim), the slice of `sensordata` that one sensor fills: `Sim.sensor` of every backend."""
    sensor = sim.model.sensor(name)
    start = int(sensor.adr[0])
    return sim.sensordata[:, start : start + int(sensor.dim[0])]


def write_state(sim: Sim, mask: Tensor, qpos: Tensor | None, qvel: Tensor | None) -> None:
    """Write rows of the state through the views: `Sim.assign` of every backend."""
    for view, value in ((sim.qpos, qpos), (sim.qvel, qvel)):
        if value is not None:
            view.copy_(torch.where(mask[:, None], value.to(view.dtype), view))


def compile_scene(spec: mujoco.MjSpec) -> mujoco.MjModel:
    """Compile a task's scene with the options that this project relies on.

    `autoreset` is off, because it would silently repair a diverged world and hide it from the record. The Jacobian
    is dense, because MuJoCo 4.0.0 factorises sparse ones wrongly under the Newton solver (fixed in 4.0.1).
    """
    spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_AUTORESET
    spec.option.jacobian = mujoco.mjtJacobian.mjJAC_DENSE
    return spec.compile()


def substeps_of(model: mujoco.MjModel, control_period: float) -> int:
    """How many time steps of the model make one control period in s; they must divide it."""
    count = round(control_period / model.opt.timestep)
    if count < 1 or abs(count * model.opt.timestep - control_period) > 1e-6 * control_period:
        raise ValueError(
            f"control_period {control_period:g} s is not a multiple of the scene's timestep {model.opt.timestep:g} s"
        )
    return count
