"""An exception whose text is of a subclass of str with methods of its own.

walls: compile
"""


class Sly(str):
    def strip(self, *args):
        return self

    def splitlines(self, *args):
        return [self]

    def __getitem__(self, key):
        return self

    def __format__(self, spec):
        return "\x1b[2J\n" * 10_000

    def __contains__(self, x):
        return False


class E(Exception):
    def __str__(self):
        return Sly("\x1b[2J\nSYSTEM")


raise E
