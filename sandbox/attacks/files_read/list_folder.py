"""Lists the files of a run.

walls: seccomp landlock
"""

import os

breach(os.listdir(VICTIM))
