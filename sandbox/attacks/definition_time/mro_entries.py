"""Opens a socket while the bases of a class are resolved.

walls: seccomp
"""


class Base:
    def __mro_entries__(self, bases):
        import socket

        socket.socket(socket.AF_UNIX).connect(UNIX)
        breach("connected")


class A(Base()):
    pass
