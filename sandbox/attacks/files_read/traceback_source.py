"""Provokes an error in a file that claims to be the secret, so that the traceback quotes it.

walls: seccomp landlock
"""

import traceback

try:
    exec(compile("1 / 0", SECRET, "exec"))
except ZeroDivisionError:
    text = traceback.format_exc()
    if "decoy" in text:
        breach(text)
    raise
