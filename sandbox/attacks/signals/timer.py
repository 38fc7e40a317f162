"""Sets a timer that would end whatever runs then.

walls: seccomp
"""

import signal

signal.setitimer(signal.ITIMER_REAL, 1000.0)
breach("a timer was set")
