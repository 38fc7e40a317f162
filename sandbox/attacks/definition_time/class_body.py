"""Forks in the body of a class.

walls: seccomp
"""


class A:
    import os

    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    breach("forked")
