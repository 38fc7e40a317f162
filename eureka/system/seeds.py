"""One seed a run; every purpose draws from a seed of its own."""

from __future__ import annotations

import hashlib


def derive(seed: int, *path: str | int) -> int:
    """A seed below 2**62 for one purpose, from the run's seed and a path such as ("final", 2)."""
    text = "/".join([str(seed), *map(str, path)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 2
