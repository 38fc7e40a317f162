"""Sizes of worlds: their memory, and the GPU's contact buffers, measured by random play on the CPU."""

from __future__ import annotations

import mujoco
import torch

from eureka.envs.env import Env
from eureka.noise import Noise
from eureka.physics.buffers import Sizes
from eureka.physics.threads import ThreadPhysics
from eureka.task import Task

WORLDS, STEPS = 32, 256  # Worlds and control steps that `measure_sizes` plays
POOL_MARGIN, ROWS_MARGIN = 2, 3
"""Factors on the measured peak. MuJoCo's `parity` skill (section 2) recommends at least 2.

Rows have the larger one: missing rows fail a candidate, a full pool only repeats a rollout.
"""
LEAST_CONTACTS, LEAST_ROWS = 32, 64
"""Minimum sizes: a half and a quarter of those in that skill, which are for a single world. They leave room for geom
pairs and joint limits that random play does not reach."""


_SHARED_WORLD = 512
"""Bytes that a world needs beside its state and derived fields."""
_BATCH_WORLD = 160 * 2**10  # bytes of a world of `mujoco.batch` in a small scene; larger ones need 1.5 `MjData` more
_ROW, _CONTACT = 16, 80  # floats of a constraint row beside its Jacobian, and of a contact, in MuJoCo Warp


def world_bytes(model: mujoco.MjModel, sizes: Sizes | None, late: bool) -> int:
    """Bytes of a world of the compiled `model` on the CPU, or with these `sizes` of MuJoCo Warp's buffers.

    On the CPU, only worlds of a `late` task have an MjData of their own.
    """
    if sizes is None and not late:
        state = mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_INTEGRATION.value)
        derived = 7 * model.nbody + 3 * model.nsite + model.nv + model.nsensordata
        return 8 * (state + derived) + _SHARED_WORLD
    data = mujoco.MjData(model)
    mujoco.mj_step(model, data)
    if sizes is None:
        return _BATCH_WORLD + data.nbuffer * 3 // 2 + data.maxuse_arena
    rows = sizes.njmax * (model.nv + _ROW) + sizes.nconmax * _CONTACT + 3 * model.nv**2
    return data.nbuffer + 4 * rows


def measure_sizes(task: Task, model: mujoco.MjModel, threads: int) -> Sizes:
    """Buffer sizes for `task` on the compiled `model`: the peak of random play on the CPU, times a margin.

    The peak is that of a single world; the pool depends on the mean over worlds, which is much lower. Takes one or two
    seconds and is deterministic.
    """
    physics = ThreadPhysics(model, WORLDS, threads)
    env = Env(task, physics, torch.zeros(1, dtype=torch.int64), "sizes")
    contacts, rows = physics.counts()
    env.reset()
    most_contacts, most_rows = int(contacts.max()), int(rows.max())
    keys = torch.arange(WORLDS)
    for step in range(STEPS):
        noise = Noise(keys, torch.tensor(step))
        env.step(noise.uniform("sizes", task.action_size, low=-1.0, high=1.0)[None])
        most_contacts, most_rows = max(most_contacts, int(contacts.max())), max(most_rows, int(rows.max()))
    return Sizes(max(LEAST_CONTACTS, POOL_MARGIN * most_contacts), max(LEAST_ROWS, ROWS_MARGIN * most_rows))
