"""What a program may cost, and the refusal of one that costs more or is malformed."""

from __future__ import annotations

from dataclasses import dataclass

MAX_WORLDS = 1 << 20
"""Worlds that a program can be rebuilt for; worlds are proved to stay apart for so many."""
MAX_PIECES = 1024
"""Tensors that one operation may give."""


class Rejected(ValueError):
    """The text is no acceptable program; the message is one sentence, safe to show."""

    def __init__(self, message: str, line: int | None = None):
        super().__init__(message)
        self.line = line
        """Line of the reward's text that the offending operation came from, as the program claims."""


@dataclass(frozen=True)
class Limits:
    """What a program may cost. Published reward functions have 17-101 nodes and peak at 25 numbers a world."""

    text: int = 2 << 20
    """Characters of JSON."""
    nodes: int = 3000
    constants: int = 65_536
    """Numbers in all constants together."""
    components: int = 64
    width: int = 4096
    """Numbers a world in any one value."""
    work: int = 200_000
    """Numbers a world in all values together."""
    memory: int = 128 << 10
    """Bytes a world in all values that are alive at once."""
