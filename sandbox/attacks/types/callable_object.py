"""An object that can be called in the place of a function.

walls: compile
"""


class Reward:
    __name__ = "compute_reward"
    __code__ = property(lambda self: 1 / 0)

    def __call__(self, height):
        return height, {}


compute_reward = Reward()
