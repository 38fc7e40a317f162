"""How much room MuJoCo Warp gets for contacts and constraints, and what its overflow bits mean."""

from __future__ import annotations

from dataclasses import dataclass, replace

import mujoco
import torch

from eureka.env import Env
from eureka.noise import Noise
from eureka.physics.threads import ThreadPhysics
from eureka.task import Task

ROWS, JACOBIAN = 1 << 0, 1 << 1
PAIRS, CONTACTS, CONVEX = 1 << 2, 1 << 3, 1 << 4
HEIGHT_FIELD, CONTACT_SENSOR, ACTIVE_JOINTS, TOUCHING = 1 << 5, 1 << 6, 1 << 7, 1 << 11

POOL_BITS = PAIRS | CONTACTS | CONVEX
"""Memory that all worlds share was too small: no world is the culprit, and any of them may have lost contacts.

The last of the three is set only in the world whose contact was dropped, which merely came too late.
"""
WORLD_BITS = ROWS | JACOBIAN | HEIGHT_FIELD | CONTACT_SENSOR | ACTIVE_JOINTS | TOUCHING
"""A world needed more than is set aside for each: its own numbers are wrong, and nobody else's.

Neither in these nor in `POOL_BITS` are the remaining bits. Two say that the solver or its line search stopped at the
greatest number of iterations, as it does in MuJoCo without a word; the third (EPA_HORIZON) that a single collision
of convex shapes was given up, in a buffer of fixed size, which no setting prevents.
"""

WORLDS, STEPS = 32, 256
"""What `measured` plays: so many worlds for so many control steps."""
POOL_MARGIN, ROWS_MARGIN = 2, 3
"""Room over the measured peak. MuJoCo's own advice (its skill `parity`, section 2) is to take at least twice the peak.

Rows get more of it: too few of them cost a candidate, too small a pool only the repetition of a rollout.
"""
LEAST_CONTACTS, LEAST_ROWS = 32, 64
"""Half and a quarter of that skill's least sizes, which are for one world at a time; still many times a quiet scene's
peak, which has pairs of geoms near each other, and limits of joints, that random play does not meet."""


@dataclass(frozen=True)
class Sizes:
    """Room in the buffers of MuJoCo Warp; `dataclasses.asdict` gives what a record keeps."""

    nconmax: int
    """Contacts, and pairs of geoms close enough to be examined, per world on average: worlds share one pool."""
    njmax: int
    """Rows of constraints that each world may have: limits, friction, and three to six a contact."""

    def grown(self, bits: int) -> Sizes:
        """Twice the pool where `bits` have any of `POOL_BITS`, twice the rows where they have one for rows."""
        grown = replace(self, nconmax=2 * self.nconmax) if bits & POOL_BITS else self
        return replace(grown, njmax=2 * self.njmax) if bits & (ROWS | JACOBIAN) else grown


def measured(task: Task, model: mujoco.MjModel, threads: int) -> Sizes:
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
