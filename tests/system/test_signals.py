"""Signals that end a run become an exception with the exit code of a shell, and the folder to resume."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from eureka.system.signals import Interrupted, interruptible


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_an_exception_with_the_shells_exit_code(number: signal.Signals, code: int, tmp_path: Path):
    before = signal.getsignal(number)
    with pytest.raises(Interrupted) as raised, interruptible() as stop:
        stop.folder = tmp_path
        os.kill(os.getpid(), number)
    assert 128 + raised.value.signal_number == code and raised.value.folder == tmp_path
    assert signal.getsignal(number) is before


def test_a_signal_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
