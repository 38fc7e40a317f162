"""Opens the compiler's memory as a file, to write.

walls: seccomp landlock
"""

import os

with open(f"/proc/{os.getppid()}/mem", "r+b", buffering=0) as memory:
    memory.seek(id(os))
    breach(memory.read(16).hex())
