"""Learns which files there are, and how large, without opening any.

walls: seccomp
"""

import os

breach(f"{SECRET} has {os.stat(SECRET).st_size} bytes, readable: {os.access(SECRET, os.R_OK)}")
