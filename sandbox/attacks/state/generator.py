"""A generator that goes on from call to call.

walls: compile
"""


def numbers():
    k = 0
    while True:
        k += 1
        yield float(k)


source = numbers()


def compute_reward(height):
    return height + next(source), {}
