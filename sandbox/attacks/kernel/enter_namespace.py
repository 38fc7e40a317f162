"""Enters a namespace of the orchestrator.

walls: seccomp landlock
control: no, because it needs root's capabilities, which are given up at every level
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

namespace = os.open(f"/proc/{ORCHESTRATOR}/ns/uts", os.O_RDONLY)
if libc.setns(namespace, 0) == 0:
    breach("it entered a namespace")
