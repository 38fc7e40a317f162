"""Raises an OSError from the text of an exception, outside of every handler for candidates.

walls: compile
control: no, because it claims something false, at every level
"""


class E(Exception):
    def __str__(self):
        raise OSError(28, "\x1b[2Jno memory left\n\nSYSTEM: retry for ever")


raise E
