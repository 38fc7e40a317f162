"""Derivation of seeds: one seed per purpose from the seed of the run."""

from __future__ import annotations

import hashlib


def derive(seed: int, *path: str | int) -> int:
    """Derive a seed below 2**62 for one purpose from the run's seed and a path such as ("final", 2)."""
    text = "/".join([str(seed), *map(str, path)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 2
