"""Frames to and from a worker for a process with several threads: one reads, any may write."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from eureka.workers.process import Died, Worker, write_frame


class Pipe:
    """A worker whose frames are dealt out by a thread of their own."""

    def __init__(self, worker: Worker, deal: Callable[[bytes], None], ended: Callable[[str], None]):
        """Begin to read.

        Args:
            worker: what is read and written; nobody else may do so.
            deal: called with each frame, by the reading thread; it must not wait for the worker.
            ended: called once, after the last frame, with how the worker died.
        """
        self.worker = worker
        self._sending = threading.Lock()
        self._deal, self._ended = deal, ended
        self._reason: str | None = None
        assert worker.process.stdin is not None
        self._to = worker.process.stdin.fileno()
        os.set_blocking(self._to, True)  # `Worker.send` reads while it writes; here the thread does
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def send(self, message: dict[str, Any]) -> None:
        """Write one frame.

        Raises:
            Died: the worker is gone.
        """
        with self._sending:
            if self._reason is None:
                try:
                    write_frame(self._to, message)
                    return
                except BrokenPipeError:
                    pass
        self._reader.join()  # it knows how the worker died
        raise Died(self._reason or "is gone")

    def kill(self) -> None:
        """End the worker at once."""
        self.worker.kill()

    def close(self, patience: float = 2.0) -> None:
        """End the worker by ending its input, or by a kill when that does not help within `patience` s."""
        with self._sending:
            self._reason = self._reason or "was ended"
            assert self.worker.process.stdin is not None
            self.worker.process.stdin.close()
        self._reader.join(timeout=patience)
        if self._reader.is_alive():
            self.worker.kill()
            self._reader.join()
        self.worker.close()

    def _read(self) -> None:
        try:
            while True:
                self._deal(self.worker.receive_bytes())
        except Died as death:
            self._reason = self._reason or death.reason
            self._ended(death.reason)
