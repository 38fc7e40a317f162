"""Reads a secret as if it were a module's code.

walls: seccomp landlock
"""

import io

breach(io.open_code(SECRET).read())
