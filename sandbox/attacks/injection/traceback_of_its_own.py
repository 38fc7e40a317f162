"""An exception with a traceback of a million entries.

walls: compile
"""

import sys
import types

try:
    raise ValueError("x")
except ValueError as error:
    tb = error.__traceback__
    frame = tb.tb_frame
    for k in range(200_000):
        tb = types.TracebackType(tb, frame, 0, k + 1)
    raise error.with_traceback(tb)
