"""Signals the orchestrator.

walls: seccomp landlock
"""

import os
import signal

os.kill(ORCHESTRATOR, signal.SIGURG)
breach("a signal was sent")
