"""Makes the kernel signal the orchestrator whenever the compiler reads the answer pipe.

walls: seccomp landlock
"""

import fcntl
import os
import signal
import time

F_SETSIG = 10
fcntl.fcntl(3, fcntl.F_SETOWN, ORCHESTRATOR)
fcntl.fcntl(3, F_SETSIG, signal.SIGURG)  # SIGKILL would do as well
fcntl.fcntl(3, fcntl.F_SETFL, fcntl.fcntl(3, fcntl.F_GETFL) | os.O_ASYNC)
for _ in range(20):
    os.write(3, b" " * (1 << 16))
    time.sleep(0.01)
