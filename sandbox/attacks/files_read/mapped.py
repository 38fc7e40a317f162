"""Maps a secret into memory without reading it.

walls: seccomp landlock
"""

import mmap
import os

breach(mmap.mmap(os.open(SECRET, os.O_RDONLY), 0, prot=mmap.PROT_READ)[:])
