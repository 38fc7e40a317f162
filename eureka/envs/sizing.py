"""Sizes of GPU contact buffers, measured by random play on the CPU."""

from __future__ import annotations

import mujoco
import torch

from eureka.envs.env import Env
from eureka.noise import Noise
from eureka.physics.buffers import Sizes
from eureka.physics.threads import ThreadPhysics
from eureka.task import Task

WORLDS, STEPS = 32, 256
"""What `measure_sizes` plays: so many worlds for so many control steps."""
POOL_MARGIN, ROWS_MARGIN = 2, 3
"""Room over the measured peak. MuJoCo's own advice (its skill `parity`, section 2) is to take at least twice the peak.

Rows get more of it: too few of them cost a candidate, too small a pool only the repetition of a rollout.
"""
LEAST_CONTACTS, LEAST_ROWS = 32, 64
"""Half and a quarter of that skill's least sizes, which are for one world at a time; still many times a quiet scene's
peak, which has pairs of geoms near each other, and limits of joints, that random play does not meet."""


def measure_sizes(task: Task, model: mujoco.MjModel, threads: int) -> Sizes:
    """Room for `task` on the compiled `model`: its peak in random play on the CPU, with a margin.

    Counts are of single worlds, so the mean over worlds, which fills the pool, stays well below the peak. Takes a
    second or two; the same scene gives the same sizes.
    """
    physics = ThreadPhysics(model, WORLDS, threads)
    contacts, rows = physics.counts()
    env = Env(task, physics, torch.zeros(1, dtype=torch.int64), "sizes")
    env.reset()
    most_contacts, most_rows = int(contacts.max()), int(rows.max())
    keys = torch.arange(WORLDS)
    for step in range(STEPS):
        noise = Noise(keys, torch.tensor(step))
        env.step(noise.uniform("sizes", task.action_size, low=-1.0, high=1.0)[None])
        most_contacts, most_rows = max(most_contacts, int(contacts.max())), max(most_rows, int(rows.max()))
    return Sizes(max(LEAST_CONTACTS, POOL_MARGIN * most_contacts), max(LEAST_ROWS, ROWS_MARGIN * most_rows))
