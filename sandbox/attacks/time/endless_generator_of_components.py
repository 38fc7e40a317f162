"""Returns a dict whose items never end.

walls: limits compile
"""


class Endless(dict):
    def items(self):
        k = 0
        while True:
            k += 1
            yield "c", torch.zeros(1)

    def __len__(self):
        return 1


def compute_reward(height):
    return height, Endless()
