"""Handles all signals, so as not to be ended, and takes its time.

walls: limits
"""

import signal

for number in signal.valid_signals():
    try:
        signal.signal(number, lambda *_: None)
    except (OSError, ValueError):
        continue
while True:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
