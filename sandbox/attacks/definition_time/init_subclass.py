"""Lists a folder in __init_subclass__.

walls: seccomp landlock
"""

import os


class A:
    def __init_subclass__(cls):
        breach(os.listdir(VICTIM))


class B(A):
    pass
