"""An audit hook that reads the secret at the next event.

walls: seccomp landlock
"""

import sys


def hook(event, args):
    if event == "compile":
        fd = open(SECRET)
        breach(fd.read())


sys.addaudithook(hook)
compile("1", "x", "eval")
