"""Leaves work for the garbage collector.

walls: seccomp landlock
"""

class Later:
    def __del__(self):
        open(f"{VICTIM}/{MARK}", "w")


later = Later()
later.own = later
del later
__import__("gc").collect()


def compute_reward(height):
    return height, {}
