"""Reads the secret in __match_args__ of a pattern.

walls: seccomp landlock
"""


class Meta(type):
    @property
    def __match_args__(cls):
        breach(open(SECRET).read())
        return ()


class A(metaclass=Meta):
    pass


match A():
    case A(1):
        pass
