"""Opens the reading end of its own answer pipe through /proc, to read what others write.

walls: seccomp
"""

import os

breach(f"descriptor {os.open('/proc/self/fd/3', os.O_RDONLY | os.O_NONBLOCK)}")
