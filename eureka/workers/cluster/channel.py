"""Frames to and from a worker in a process with several threads: one reads, any of them writes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from eureka.workers.process import Died, Worker, write_frame


class Channel:
    """A worker whose frames are read by a thread."""

    def __init__(self, worker: Worker, on_frame: Callable[[bytes], None], on_end: Callable[[str], None]):
        """Start to read, in a thread; it calls `on_end` once, after the last frame, with the reason of `Died`."""
        self.worker = worker
        self._sending = threading.Lock()
        self._on_frame, self._on_end = on_frame, on_end
        self._reason: str | None = None
        assert worker.process.stdin is not None
        self._to = worker.process.stdin.fileno()
        os.set_blocking(self._to, True)  # unlike in `Worker.send`, another thread reads meanwhile
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def send(self, message: dict[str, Any]) -> None:
        with self._sending:
            if self._reason is None:
                try:
                    write_frame(self._to, message)
                    return
                except BrokenPipeError:
                    pass
        self._reader.join()  # it sets the reason
        raise Died(self._reason or "ended")

    def kill(self) -> None:
        self.worker.kill()

    def close(self, timeout: float = 2.0) -> None:
        """Close the worker's input, and kill it if it does not end within `timeout` s."""
        with self._sending:
            self._reason = self._reason or "was ended"
            assert self.worker.process.stdin is not None
            self.worker.process.stdin.close()
        self._reader.join(timeout=timeout)
        if self._reader.is_alive():
            self.worker.kill()
            self._reader.join()
        self.worker.close()

    def _read(self) -> None:
        try:
            while True:
                self._on_frame(self.worker.receive_bytes())
        except Died as death:
            self._reason = self._reason or death.reason
            self._on_end(death.reason)
