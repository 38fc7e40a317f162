"""Stopping a run politely: the first signal ends it in order, further ones find us busy with that."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What ends a run politely: Ctrl-C, a batch system, a closed terminal."""


class Interrupted(Exception):
    """Somebody asked the run to stop."""

    def __init__(self, folder: Path | None, signal_number: int):
        super().__init__(signal_number)
        self.folder, self.signal_number = folder, signal_number
        """The run to resume, None if it had not begun; and what asked."""


class Stop:
    """Turns the first signal into an `Interrupted`."""

    folder: Path | None = None
    """The run to resume afterwards, once there is one."""

    def __call__(self, number: int, _: object) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(self.folder, number)


@contextmanager
def interruptible() -> Iterator[Stop]:
    """Raise `Interrupted` in the code below when somebody asks it to stop."""
    stop = Stop()
    # What was ignored stays ignored: nohup and the shell's & mean it.
    heard = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heard}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
