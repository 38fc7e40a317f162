"""A dict that shows one thing when checked and another when read.

walls: compile
"""


class Sly(dict):
    seen = 0

    def __len__(self):
        return 1

    def items(self):
        Sly.seen += 1
        return [("fitness" if Sly.seen > 2 else "a", 1.0)] * (1 if Sly.seen < 2 else 1000)


def compute_reward(height):
    return height, Sly(a=height)
