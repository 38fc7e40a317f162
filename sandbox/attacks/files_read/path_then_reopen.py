"""Gets hold of a secret with O_PATH, which is no reading, and opens it again through /proc.

walls: seccomp landlock
"""

import os

handle = os.open(SECRET, os.O_PATH)
breach(open(f"/proc/self/fd/{handle}").read())
