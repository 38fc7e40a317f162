"""Output of a compiler child, stored where no other child can read it."""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Callable


class Output:
    """The output of a child so far, in memory pages that later children do not inherit."""

    def __init__(self, most: int):
        """Allocate `most` bytes, and space for the line before them."""
        self._most = most + 32
        self._pages = mmap.mmap(-1, self._most + 1)
        self._pages.madvise(mmap.MADV_DONTFORK)
        self._start = self._end = 0

    def __len__(self) -> int:
        return self._end - self._start

    @property
    def full(self) -> bool:
        """Whether the limit is exceeded."""
        return self._end > self._most

    def read(self, pipe: int) -> int:
        """Append the available data of the pipe, as far as it fits; returns the number of bytes."""
        with memoryview(self._pages) as whole, whole[self._end :] as free:
            size = os.readv(pipe, [free])
        self._end += size
        return size

    def line(self) -> bytes | None:
        """Remove the first line, written before the child read the candidate; None if it is incomplete."""
        end = self._pages.find(b"\n", 0, min(self._end, 32))
        if end < 0:
            return None
        self._start = end + 1
        return self._pages[:end]

    def head(self, size: int) -> bytes:
        """A copy of the first `size` bytes."""
        return self._pages[self._start : min(self._end, self._start + size)]

    def send(self, write: Callable[[bytes | memoryview], None]) -> None:
        """Write all but the first byte as a frame."""
        with memoryview(self._pages) as whole, whole[self._start + 1 : self._end] as rest:
            write(struct.pack("!I", len(rest)))
            write(rest)

    def close(self) -> None:
        """Free the pages."""
        self._pages.close()
