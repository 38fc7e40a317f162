"""Writes a file in a metaclass.

walls: seccomp landlock
"""


class Meta(type):
    def __prepare__(name, bases):
        open(VICTIM + "/result.json", "w").close()
        breach("wrote")

    def __new__(cls, name, bases, names):
        return type.__new__(cls, name, bases, names)


class A(metaclass=Meta):
    pass
