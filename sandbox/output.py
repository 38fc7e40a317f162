"""What a child of the compiler wrote, kept where no other child can find it."""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Callable


class Output:
    """What a child wrote so far, in pages that no later child inherits and that are gone at the end."""

    def __init__(self, most: int):
        """Room for `most` bytes and the line that comes before them."""
        self._most = most + 32
        self._pages = mmap.mmap(-1, self._most + 1)
        self._pages.madvise(mmap.MADV_DONTFORK)
        self._start = self._end = 0

    def __len__(self) -> int:
        return self._end - self._start

    @property
    def full(self) -> bool:
        """Whether it is more than allowed."""
        return self._end > self._most

    def read(self, pipe: int) -> int:
        """Add what there is in the pipe, as far as it fits; the number of bytes."""
        with memoryview(self._pages) as whole, whole[self._end :] as free:
            size = os.readv(pipe, [free])
        self._end += size
        return size

    def line(self) -> bytes | None:
        """Take the first line, which the child wrote before it met the candidate; None if it is not whole yet."""
        end = self._pages.find(b"\n", 0, min(self._end, 32))
        if end < 0:
            return None
        self._start = end + 1
        return self._pages[:end]

    def head(self, size: int) -> bytes:
        """A copy of the first bytes."""
        return self._pages[self._start : min(self._end, self._start + size)]

    def send(self, write: Callable[[bytes | memoryview], None]) -> None:
        """Pass all but the first byte on, as a frame."""
        with memoryview(self._pages) as whole, whole[self._start + 1 : self._end] as rest:
            write(struct.pack("!I", len(rest)))
            write(rest)

    def close(self) -> None:
        """Give the pages back."""
        self._pages.close()
