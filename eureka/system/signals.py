"""Graceful shutdown: the first signal stops a run in order; further signals are ignored."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Handled signals: Ctrl-C, a batch system's request, a closed terminal."""


class Interrupted(Exception):
    """A signal requested the end of the run."""

    def __init__(self, folder: Path | None, signal_number: int):
        super().__init__(f"interrupted; eureka.resume({str(folder)!r}) continues" if folder else "interrupted")
        self.folder, self.signal_number = folder, signal_number
        """The run to resume (None if it has not started) and the signal."""


class Stop:
    """Signal handler that raises `Interrupted` once."""

    folder: Path | None = None  # The run to resume, once it exists

    def __call__(self, number: int, _: object) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(self.folder, number)


@contextmanager
def interruptible() -> Iterator[Stop]:
    """Raise `Interrupted` in the body when a handled signal arrives."""
    stop = Stop()
    # Ignored signals stay ignored: nohup and the shell's & rely on that.
    handled = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in handled}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
