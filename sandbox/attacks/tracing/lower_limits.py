"""Takes a right from the compiler by lowering a limit of it.

walls: seccomp
"""

import os
import resource

resource.prlimit(os.getppid(), resource.RLIMIT_RTPRIO, (0, 0))
breach("a limit of the compiler was set")
