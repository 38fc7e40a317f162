"""Signals the orchestrator through a descriptor of its process.

walls: seccomp landlock
"""

import os
import signal

signal.pidfd_send_signal(os.pidfd_open(ORCHESTRATOR), signal.SIGURG)
breach("a signal was sent")
