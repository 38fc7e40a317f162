"""Takes a frame of the compiler from an exception's traceback and calls its functions.

walls: seccomp
"""

import sys

try:
    raise ValueError
except ValueError as error:
    frame = error.__traceback__.tb_frame
    while frame.f_back:
        frame = frame.f_back
    names = frame.f_globals
child = names["_fork"](None, names["jail"].Walls(False, False), names["jail"].Limits(), lambda: b"free")
breach(f"a process without walls: {child.pid}")
