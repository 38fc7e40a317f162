"""Limits on the cost of a program, and the exception for invalid programs."""

from __future__ import annotations

from dataclasses import dataclass

MAX_WORLDS = 1 << 20
"""Maximum number of worlds of a program; the proof that worlds are separate covers that many."""
MAX_PIECES = 1024
"""Maximum number of result tensors of one operation."""


class Rejected(ValueError):
    """The text is not a valid program; the message is one sentence that is safe to display."""

    def __init__(self, message: str, line: int | None = None):
        super().__init__(message)
        self.line = line
        """Line of the reward's text of the rejected operation, as the program claims."""


@dataclass(frozen=True)
class Limits:
    """Limits on a program. Published reward functions have 17-101 nodes and peak at 25 numbers per world."""

    text: int = 2 << 20
    """Characters of JSON."""
    nodes: int = 3000
    constants: int = 65_536
    """Numbers in all constants together."""
    components: int = 64
    width: int = 4096
    """Numbers per world in any one value."""
    work: int = 200_000
    """Numbers per world in all values together."""
    memory: int = 128 << 10
    """Bytes per world in all values that are alive at once."""
