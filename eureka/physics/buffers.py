"""Sizes of MuJoCo Warp's contact and constraint buffers, and the meaning of its overflow bits."""

from __future__ import annotations

from dataclasses import dataclass, replace

ROWS, JACOBIAN = 1 << 0, 1 << 1
PAIRS, CONTACTS, CONVEX = 1 << 2, 1 << 3, 1 << 4
HEIGHT_FIELD, CONTACT_SENSOR, ACTIVE_JOINTS, TOUCHING = 1 << 5, 1 << 6, 1 << 7, 1 << 11

POOL_BITS = PAIRS | CONTACTS | CONVEX
"""The pool shared by all worlds overflowed: any world may have lost contacts, so none can be blamed.

CONVEX is set only in the world whose contact was dropped; that world was merely the last to be served.
"""
WORLD_BITS = ROWS | JACOBIAN | HEIGHT_FIELD | CONTACT_SENSOR | ACTIVE_JOINTS | TOUCHING
"""A per-world buffer overflowed: the results of that world are wrong, those of the others are not.

Three bits are in neither set. Two report that the solver or its line search reached the iteration limit, which MuJoCo
does not report at all. The third (EPA_HORIZON) reports one abandoned convex collision in a buffer of fixed size, which
no setting prevents.
"""


@dataclass(frozen=True)
class Sizes:
    """Buffer sizes of MuJoCo Warp; records store them with `dataclasses.asdict`."""

    nconmax: int  # Contacts and candidate geom pairs per world, on average: all worlds share one pool
    njmax: int  # Constraint rows per world: limits, friction, and three to six for each contact

    def grow(self, bits: int) -> Sizes:
        """Double the pool if `bits` has any of `POOL_BITS`, and the rows if it has ROWS or JACOBIAN."""
        grown = replace(self, nconmax=2 * self.nconmax) if bits & POOL_BITS else self
        return replace(grown, njmax=2 * self.njmax) if bits & (ROWS | JACOBIAN) else grown
