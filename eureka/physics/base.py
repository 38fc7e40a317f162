"""The interface between tasks and simulators: one model, W worlds, torch views of their state.

On every backend, after `step`, `reset` and `forward`, fields that depend on positions and velocities (xpos, xquat,
cvel, position and velocity sensors, bodies and sites by name) match the current state. Forces and acceleration-stage
sensors, such as those of touch and contact, are those of the last substep.

With `late`, they are instead as MuJoCo's own `mj_step` leaves them, which is how Gymnasium's environments read them:
those of the last state that the integrator evaluated, which is up to one substep old. `forward` then computes all
fields, accelerations and constraint forces included, as `mj_forward` does.
"""

from __future__ import annotations

import warnings
from typing import Protocol

import mujoco
import torch
from torch import Tensor

from eureka.physics.names import Frame, Joint

STATE = ("qpos", "qvel", "ctrl", "act", "mocap_pos", "mocap_quat", "xfrc_applied")
"""Fields of the state, which a task may write."""
DERIVED = ("xpos", "xquat", "site_xpos", "qfrc_actuator", "sensordata")
"""Fields that the simulator computes."""
ON_DEMAND = ("cvel", "subtree_com", "cinert", "qfrc_constraint", "cfrc_ext")
"""Likewise; on the CPU they are copied or computed only if a task uses them."""


class Sim(Protocol):
    """A task's view of the simulator: the state of all W worlds, in the backend's dtype, updated in place."""

    model: mujoco.MjModel  # The compiled scene, for sizes, names and limits
    num_worlds: int
    device: torch.device
    qpos: Tensor  # (W, nq) positions; writable
    qvel: Tensor  # (W, nv) velocities; writable
    ctrl: Tensor  # (W, nu) actuator inputs; writable
    act: Tensor  # (W, na) activations of actuators that have a state, such as muscles; writable
    mocap_pos: Tensor  # (W, nmocap, 3) m, world frame, of mocap bodies in model order; writable
    mocap_quat: Tensor  # (W, nmocap, 4) wxyz, world frame; writable
    xfrc_applied: Tensor  # (W, nbody, 6) N and N m, external force and torque on each body, world frame; writable
    xpos: Tensor  # (W, nbody, 3) m, body origins, world frame
    xquat: Tensor  # (W, nbody, 4) wxyz, body orientations, world frame
    site_xpos: Tensor  # (W, nsite, 3) m, world frame
    cvel: Tensor  # (W, nbody, 6) rad/s and m/s, world frame, at the centre of mass of the body's kinematic tree
    subtree_com: Tensor  # (W, nbody, 3) m, world frame, centre of mass of a body and all below it in the tree
    qfrc_actuator: Tensor  # (W, nv) N or N m, actuator forces in joint space at the last substep
    sensordata: Tensor  # (W, nsensordata), all sensors in model order
    cinert: Tensor  # (W, nbody, 10) kg m^2, kg m and kg, inertia about the tree's centre of mass, as in mjData
    qfrc_constraint: Tensor  # (W, nv) N or N m, constraint forces in joint space at the last substep
    cfrc_ext: (
        Tensor  # (W, nbody, 6) N m and N, contact forces on each body about the tree's centre of mass; with `late`
    )

    def body(self, name: str) -> Frame:
        """Pose and velocity of a body; a wrong name is a `UserError` that lists the right ones."""
        ...

    def site(self, name: str) -> Frame:
        """Pose and velocity of a site."""
        ...

    def joint(self, name: str) -> Joint:
        """Position and velocity of a joint."""
        ...

    def sensor(self, name: str) -> Tensor:
        """(W, dim) readings of one sensor: a slice of `sensordata`."""
        ...

    def assign(self, mask: Tensor, *, qpos: Tensor | None = None, qvel: Tensor | None = None) -> None:
        """Write the state of the worlds in `mask` (W,) bool; the others keep theirs."""


class Physics(Sim, Protocol):
    """A simulator. Worlds are independent; no method draws random numbers."""

    @property
    def late(self) -> bool:
        """Whether fields are as `mj_step` leaves them, see above; set before any view is taken."""
        ...

    @late.setter
    def late(self, value: bool) -> None: ...

    def step(self, substeps: int) -> None:
        """Advance every world by `substeps` time steps of the model."""

    def reset(self, mask: Tensor) -> None:
        """Reset the worlds in `mask` (W,) bool to the model's initial state; `forward` updates the derived fields."""

    def forward(self, mask: Tensor) -> None:
        """Compute the derived fields of the worlds in `mask` (W,) bool from their current state."""

    def field(self, name: str) -> Tensor:
        """(W, ...) values of a model field that may differ between worlds, such as `body_mass`; writable."""
        ...

    def overflow(self) -> Tensor:
        """(W,) int32 copy: bits (`eureka.physics.buffers`) of the buffers that overflowed since `clear_overflow`.

        A reset of a world keeps its bits; training reads them at the end of a rollout.
        """
        ...

    def clear_overflow(self) -> None:
        """Clear the overflow bits of all worlds."""

    def save(self) -> dict[str, Tensor]:
        """Copies of all state that `load` needs to continue exactly from here."""
        ...

    def load(self, saved: dict[str, Tensor]) -> None:
        """Restore a state from `save` of the same model; row i of `saved` becomes world i."""


def compile_scene(spec: mujoco.MjSpec) -> mujoco.MjModel:
    """Compile a task's scene with the options that this project requires.

    `autoreset` is off because it would reset a diverged world without reporting it. The Jacobian is dense because
    MuJoCo 4.0.0 factorises sparse ones wrongly under the Newton solver (fixed in 4.0.1). Warnings of deprecated
    attributes are hidden: Gymnasium's scenes have some, and its users cannot change them.
    """
    spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_AUTORESET
    spec.option.jacobian = mujoco.mjtJacobian.mjJAC_DENSE
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"compiler attribute .* is deprecated")
        return spec.compile()


def substeps_of(model: mujoco.MjModel, control_period: float) -> int:
    """The number of model time steps in one control period (s), which must be a multiple of the time step."""
    count = round(control_period / model.opt.timestep)
    if count < 1 or abs(count * model.opt.timestep - control_period) > 1e-6 * control_period:
        near = max(1, count) * model.opt.timestep
        raise ValueError(
            f"control_period {control_period:g} s is not a multiple of the scene's timestep {model.opt.timestep:g} s; "
            f"{near:.6g} s is the nearest"
        )
    return count
