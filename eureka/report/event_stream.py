"""Notifies pages of changes by server-sent events, with one watcher per run."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from eureka.report.run_index import RunIndex

_RUN_INTERVAL, _LIST_INTERVAL = 0.5, 2.0  # s between two polls of a run's journal, and of all journals
_KEEP_ALIVE = 15.0  # s after which a comment is sent, to detect closed connections


class _Topic:
    """The version of one run, or of all runs, and its subscribers."""

    def __init__(self, version: str):
        self.version = version
        self.changed = asyncio.Event()
        self.readers = 0
        self.watcher: asyncio.Task[None] | None = None


class Followers:
    """Subscriptions of pages to runs."""

    def __init__(self, index: RunIndex, stopped: Callable[[], bool]):
        """Watch the runs of an index until `stopped` returns True."""
        self._index, self._stopped = index, stopped
        self._topics: dict[Path | None, _Topic] = {}

    @property
    def watchers(self) -> int:
        """Number of runs and lists that are polled."""
        return len(self._topics)

    async def follow(self, folder: Path | None) -> AsyncIterator[str]:
        """Yield the current and each later version of a run, or of all runs for None, as server-sent events."""
        topic = await self._subscribe(folder)
        try:
            sent = ""
            while not self._stopped():
                if topic.version != sent:
                    sent = topic.version
                    yield f"data: {sent}\n\n"
                changed = topic.changed
                try:
                    await asyncio.wait_for(changed.wait(), _KEEP_ALIVE)
                except TimeoutError:
                    yield ": keep-alive\n\n"
        finally:
            self._unsubscribe(folder, topic)

    async def _subscribe(self, folder: Path | None) -> _Topic:
        version = await asyncio.to_thread(self._index.version, folder)
        topic = self._topics.setdefault(folder, _Topic(version))
        topic.readers += 1
        if topic.watcher is None:
            topic.watcher = asyncio.create_task(self._watch(folder, topic))
        return topic

    def _unsubscribe(self, folder: Path | None, topic: _Topic) -> None:
        topic.readers -= 1
        if not topic.readers and topic.watcher is not None:
            topic.watcher.cancel()
            self._topics.pop(folder, None)

    async def _watch(self, folder: Path | None, topic: _Topic) -> None:
        while True:
            await asyncio.sleep(_RUN_INTERVAL if folder else _LIST_INTERVAL)
            with contextlib.suppress(OSError):  # a folder may be deleted; its pages report that
                version = await asyncio.to_thread(self._index.version, folder)
                if version == topic.version and not self._stopped():
                    continue
                topic.version = version
            topic.changed.set()
            topic.changed = asyncio.Event()
