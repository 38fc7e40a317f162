"""Raises an exception whose text is computed without end.

walls: limits
"""


class Slow(Exception):
    def __str__(self):
        while True:
            pass


raise Slow
