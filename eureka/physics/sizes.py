"""How much room MuJoCo Warp gets for contacts and constraints, and what its overflow bits mean."""

from __future__ import annotations

from dataclasses import dataclass

NEFC, JACOBIAN = 1 << 0, 1 << 1
PAIRS, CONTACTS, CONVEX = 1 << 2, 1 << 3, 1 << 4
HEIGHT_FIELD, CONTACT_SENSOR, ACTIVE, TOUCH_PAIRS = 1 << 5, 1 << 6, 1 << 7, 1 << 11

POOL_BITS = PAIRS | CONTACTS | CONVEX
"""Memory that all worlds share was too small: no world is the culprit, and any may have lost contacts."""
WORLD_BITS = NEFC | JACOBIAN | HEIGHT_FIELD | CONTACT_SENSOR | ACTIVE | TOUCH_PAIRS
"""A world needed more than is set aside for each: its own numbers are wrong, its neighbours' are not."""


@dataclass(frozen=True)
class Sizes:
    """Room in the buffers of MuJoCo Warp."""

    nconmax: int
    """Contacts and candidate pairs of geoms, as a mean over worlds: the pool that all share has this many a world."""
    njmax: int
    """Rows of constraints that one world may have; a contact takes four in these scenes, more with torsion."""
