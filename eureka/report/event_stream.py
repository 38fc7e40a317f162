"""Telling pages that what they show has changed: server-sent events, one watcher a run however many look at it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from eureka.report.run_index import RunIndex

_EVERY, _EVERY_LIST = 0.5, 2.0
"""s between two looks at a journal, and at all of them."""
_STILL_HERE = 15.0
"""s after which something is sent anyway, so that a reader that has gone is noticed."""


class _Watched:
    """The version of one run, or of all of them, and who waits for the next one."""

    def __init__(self, version: str):
        self.version = version
        self.changed = asyncio.Event()
        self.readers = 0
        self.watcher: asyncio.Task[None] | None = None


class Followers:
    """Who follows which run."""

    def __init__(self, shelf: RunIndex, over: Callable[[], bool]):
        """For the runs of a shelf; `over` says that the server is to end."""
        self._shelf, self._over = shelf, over
        self._watched: dict[Path | None, _Watched] = {}

    @property
    def watchers(self) -> int:
        """How many journals, or lists of them, are looked at again and again."""
        return len(self._watched)

    async def follow(self, folder: Path | None) -> AsyncIterator[str]:
        """The version now, and every later one, as events for a browser; of all runs if no folder is given."""
        watched = await self._join(folder)
        try:
            told = ""
            while not self._over():
                if watched.version != told:
                    told = watched.version
                    yield f"data: {told}\n\n"
                changed = watched.changed
                try:
                    await asyncio.wait_for(changed.wait(), _STILL_HERE)
                except TimeoutError:
                    yield ": still here\n\n"
        finally:
            self._leave(folder, watched)

    async def _join(self, folder: Path | None) -> _Watched:
        version = await asyncio.to_thread(self._shelf.version, folder)
        watched = self._watched.setdefault(folder, _Watched(version))
        watched.readers += 1
        if watched.watcher is None:
            watched.watcher = asyncio.create_task(self._watch(folder, watched))
        return watched

    def _leave(self, folder: Path | None, watched: _Watched) -> None:
        watched.readers -= 1
        if not watched.readers and watched.watcher is not None:
            watched.watcher.cancel()
            self._watched.pop(folder, None)

    async def _watch(self, folder: Path | None, watched: _Watched) -> None:
        while True:
            await asyncio.sleep(_EVERY if folder else _EVERY_LIST)
            with contextlib.suppress(OSError):  # a folder may go away; its pages say so when they are asked for
                version = await asyncio.to_thread(self._shelf.version, folder)
                if version == watched.version and not self._over():
                    continue
                watched.version = version
            watched.changed.set()
            watched.changed = asyncio.Event()
