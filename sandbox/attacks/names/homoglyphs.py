"""Names in letters that look like others, and letters that Python folds together.

walls: compile
"""


def compute_reward(height):
    return height, {"s\u0440eed": height, "\uff46\uff49\uff54\uff4e\uff45\uff53\uff53": height, "\u017fpeed": height}
