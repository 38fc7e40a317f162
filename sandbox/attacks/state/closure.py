"""A counter in a closure.

walls: compile
"""


def make():
    calls = 0

    def reward(height):
        nonlocal calls
        calls += 1
        return height + calls, {}

    return reward


compute_reward = make()
