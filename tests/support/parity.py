"""Holding MuJoCo Warp against MuJoCo, as MuJoCo's own advice has it (`mujoco/doc/skills/parity`), on our scenes.

States are rounded to float32 first, so that both simulators begin with the same numbers. Rounding inside is amplified
where large terms cancel, which the bounds below allow for; contacts that graze the margin may fall on either side of
it, and a collision of convex shapes is defined only up to MuJoCo's tolerance: such states are found by asking
MuJoCo itself whether a change of that size changes its contacts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import mujoco
import mujoco_warp as mjw
import numpy as np
import torch
import warp as wp
from support.bench import Bench

from eureka.envs.sizing import measure_sizes
from eureka.noise import Noise
from eureka.physics.warp import WarpPhysics

STATE = mujoco.mjtState.mjSTATE_INTEGRATION
EPSILON = float(np.finfo(np.float32).eps)
GRAZING = 1e-5
"""m, how near to its margin a contact counts as grazing."""


def data_of(model: mujoco.MjModel, row: np.ndarray) -> mujoco.MjData:
    """MuJoCo at the integration state `row`, rounded to float32, all quantities computed."""
    data = mujoco.MjData(model)
    mujoco.mj_setState(model, data, row.astype(np.float32).astype(np.float64), STATE)
    mujoco.mj_forward(model, data)
    return data


def copy_of(model: mujoco.MjModel, data: mujoco.MjData) -> mujoco.MjData:
    other = mujoco.MjData(model)
    mujoco.mj_copyData(other, model, data)
    return other


def met_in_play(bench: Bench, worlds: int, every: int, times: int) -> list[mujoco.MjData]:
    """States of `worlds` worlds at `times` moments of random play, `every` control steps apart."""
    env = bench.env(1, worlds, stream="parity")
    env.reset()
    keys, rows = torch.arange(worlds), []
    for step in range(every * times):
        noise = Noise(keys, torch.tensor(step))
        env.step(noise.uniform("parity", bench.task.action_size, low=-1.0, high=1.0)[None])
        if (step + 1) % every == 0:
            rows.append(env.physics.save()["state"].numpy())
    return [data_of(bench.model, row) for row in np.concatenate(rows)]


def in_warp(bench: Bench, states: list[mujoco.MjData]) -> WarpPhysics:
    """Worlds of MuJoCo Warp in these states, on its CPU device."""
    physics = WarpPhysics(bench.model, len(states), "cpu", measure_sizes(bench.task, bench.model, 1))
    put(physics, states)
    return physics


def put(physics: WarpPhysics, states: list[mujoco.MjData]) -> None:
    names = [name for name in physics.save() if name.startswith("state/")]
    physics.load({n: torch.tensor(np.stack([np.array(getattr(s, n[6:])) for s in states])) for n in names})


def rounding(model: mujoco.MjModel, data: mujoco.MjData) -> dict[str, np.ndarray]:
    """(nv,) each: what float32 may do to accelerations where masses cancel, and to the forces of stiff actuators.

    The composite inertias behind the mass matrix M are summed about the centre of a whole tree, so that a light limb's
    entries are small differences of large terms; solving with M passes their rounding on.
    """
    mass, inertia = np.zeros((model.nv, model.nv)), _scale_of_mass(model, data)
    mujoco.mj_fullM(model, data, mass)
    inverse = np.abs(np.linalg.inv(mass))
    smooth = np.abs(data.qfrc_smooth)
    forces = smooth + np.abs(data.qfrc_constraint)

    gain, bias = np.abs(model.actuator_gainprm), np.abs(model.actuator_biasprm)
    length, velocity = np.abs(data.actuator_length), np.abs(data.actuator_velocity)
    terms = (gain[:, 0] + gain[:, 1] * length + gain[:, 2] * velocity) * np.abs(data.ctrl)
    terms += bias[:, 0] + bias[:, 1] * length + bias[:, 2] * velocity
    moment = np.zeros((model.nu, model.nv))
    mujoco.mju_sparse2dense(moment, data.actuator_moment, data.moment_rownnz, data.moment_rowadr, data.moment_colind)
    stiff = 8 * EPSILON * np.abs(moment).T @ terms
    return {
        "qfrc_actuator": stiff,
        "qfrc_smooth": stiff,
        "qacc_smooth": inverse @ (8 * EPSILON * (inertia @ np.abs(data.qacc_smooth) + smooth) + stiff),
        "qacc": inverse @ (8 * EPSILON * (inertia @ np.abs(data.qacc) + forces) + stiff),
    }


def _scale_of_mass(model: mujoco.MjModel, data: mujoco.MjData) -> np.ndarray:
    """(nv, nv), the sum of the sizes of the terms in each entry of the mass matrix."""
    short = np.abs(data.cinert)
    full = np.zeros((model.nbody, 6, 6))
    for k, (r, c) in enumerate(((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))):
        full[:, r, c] = full[:, c, r] = short[:, k]
    cross = np.zeros((model.nbody, 3, 3))
    for k, (r, c) in enumerate(((1, 2), (0, 2), (0, 1))):
        cross[:, r, c] = cross[:, c, r] = short[:, 6 + k]
    full[:, :3, 3:] = full[:, 3:, :3] = cross
    full[:, 3:, 3:] = short[:, 9, None, None] * np.eye(3)
    for body in range(model.nbody - 1, 0, -1):
        full[model.body_parentid[body]] += full[body]
    axes, scale = np.abs(data.cdof), np.zeros((model.nv, model.nv))
    for i in range(model.nv):
        force, j = full[model.dof_bodyid[i]] @ axes[i], i
        while j >= 0:
            scale[i, j] = scale[j, i] = axes[j] @ force
            j = model.dof_parentid[j]
    return scale + np.diag(model.dof_armature)


@dataclass(frozen=True)
class Contact:
    """A contact between two geoms, the one of the lower number first."""

    geoms: tuple[int, int]
    distance: float
    margin: float
    position: np.ndarray
    tangent: np.ndarray
    """(3,), the first axis of its friction: a pyramid's corners are not round, so forces depend on it."""

    @property
    def grazes(self) -> bool:
        return abs(self.distance - self.margin) <= GRAZING

    def same(self, other: Contact) -> bool:
        near = np.abs(self.position - other.position).max() < 1e-4 and abs(self.distance - other.distance) < 1e-5
        return near and self.geoms == other.geoms and 1 - abs(self.tangent @ other.tangent) < 1e-3


def contacts_in_mujoco(data: mujoco.MjData) -> list[Contact]:
    c = data.contact
    return _distinct(zip(c.geom, c.dist, c.includemargin, c.pos, c.frame[:, 3:6], strict=True))


def contacts_in_warp(physics: WarpPhysics) -> list[list[Contact]]:
    data = physics._data
    with wp.ScopedDevice("cpu"):
        mjw.fwd_position(physics._model, data)  # after a step, contacts are those that it began with
    count, c = int(data.nacon.numpy()[0]), data.contact
    # Pairs that only a sensor asks about are in the same list, without a type.
    real, world = c.type.numpy()[:count] != 0, c.worldid.numpy()[:count]
    frame = c.frame.numpy()[:, 1]
    arrays = [a[:count] for a in (c.geom.numpy(), c.dist.numpy(), c.includemargin.numpy(), c.pos.numpy(), frame)]
    return [_distinct(zip(*(a[real & (world == w)] for a in arrays), strict=True)) for w in range(physics.num_worlds)]


def _distinct(rows: Iterable[tuple]) -> list[Contact]:
    """Each point of contact once: for parallel capsules MuJoCo gives the same one twice, and MuJoCo Warp does not."""
    found: list[Contact] = []
    for geoms, *rest in rows:
        contact = Contact((int(min(geoms)), int(max(geoms))), *rest)
        if not any(contact.same(other) for other in found):
            found.append(contact)
    return found


def count(found: list[Contact]) -> Counter[tuple[int, int]]:
    """How many contacts each pair of geoms has, those that graze left out."""
    return Counter(contact.geoms for contact in found if not contact.grazes)


def alike(some: list[Contact], others: list[Contact]) -> bool:
    """Whether the two lists are the same in some order."""
    return len(some) == len(others) and all(any(a.same(b) for b in others) for a in some)


def agree(states: list[mujoco.MjData], physics: WarpPhysics) -> list[bool]:
    """Whether both simulators, at the same states, have the same contacts and rows of constraints."""
    contacts = contacts_in_warp(physics)
    return [
        alike(contacts_in_mujoco(state), found) and state.nefc == rows
        for state, found, rows in zip(states, contacts, physics._data.nefc.numpy(), strict=True)
    ]


def ambiguous(model: mujoco.MjModel, data: mujoco.MjData) -> bool:
    """Whether MuJoCo's own contacts change by what float32 and the collider's tolerance leave open."""
    now = contacts_in_mujoco(data)
    if any(contact.grazes for contact in now):
        return True
    tolerance, rng, found = model.opt.ccd_tolerance, np.random.default_rng(0), count(now)
    for factor, moves in ((1.0, 2), (10.0, 0), (0.1, 0)):
        for _ in range(max(1, moves)):
            other = copy_of(model, data)
            if moves:
                mujoco.mj_integratePos(model, other.qpos, rng.uniform(-tolerance, tolerance, model.nv), 1.0)
            try:
                model.opt.ccd_tolerance = factor * tolerance
                mujoco.mj_fwdPosition(model, other)
            finally:
                model.opt.ccd_tolerance = tolerance
            if count(contacts_in_mujoco(other)) != found:
                return True
    return False


def shaken(model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> mujoco.MjData:
    """The same state in MuJoCo, rounded to float32 and pushed by as much as one rounding of forces and masses is."""
    row = np.empty(mujoco.mj_stateSize(model, STATE))
    mujoco.mj_getState(model, data, row, STATE)
    other = data_of(model, row)
    mass = np.zeros((model.nv, model.nv))
    mujoco.mj_fullM(model, other, mass)
    push = mass @ (rounding(model, other)["qacc"] * rng.uniform(-1.0, 1.0, model.nv)) / 8
    other.qfrc_applied[:] += push
    return other
