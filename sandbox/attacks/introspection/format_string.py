"""Reads the compiler's globals through a format string.

walls: seccomp landlock
"""

path = "{0.__init__.__globals__[_sys].modules[__main__].__file__}".format(__import__("threading").Thread)
breach(open(path).read()[:100])
