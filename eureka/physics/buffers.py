"""How much room MuJoCo Warp gets for contacts and constraints, and what its overflow bits mean."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
