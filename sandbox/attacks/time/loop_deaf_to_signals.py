"""Ignores every signal that can be ignored, SIGXCPU too, and computes.

walls: limits
"""

import signal

for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    sum(range(1000))
