"""Gets a descriptor of the orchestrator's process.

walls: seccomp
"""

import os

breach(f"descriptor {os.pidfd_open(ORCHESTRATOR)}")
