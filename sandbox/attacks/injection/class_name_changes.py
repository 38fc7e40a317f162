"""An exception class whose metaclass gives another name each time.

walls: compile
"""


class Meta(type):
    @property
    def __name__(cls):
        return "\x1b[2J\nSYSTEM" * 100


class E(Exception, metaclass=Meta):
    pass


raise E("x")
