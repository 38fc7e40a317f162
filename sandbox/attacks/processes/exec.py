"""Becomes another program, which tells so through the answer pipe.

walls: seccomp landlock
"""

import os
import sys

answer = '={"refused": "BREACH ' + MARK + ' became another program"}'
os.execv("/bin/sh", ["sh", "-c", "printf %s \"$0\" >&3", answer])
