"""Gives itself more time by changing the compiler's variables.

walls: limits
"""

import gc

for thing in gc.get_objects():
    if type(thing).__name__ == "Child":
        thing.deadline += 1e6
    elif type(thing).__name__ == "Limits" and hasattr(thing, "wall_seconds"):
        object.__setattr__(thing, "wall_seconds", 1e6)
        object.__setattr__(thing, "cpu_seconds", 10**6)
while True:
    pass
