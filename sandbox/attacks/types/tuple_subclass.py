"""A pair whose length and items depend on who asks.

walls: compile
"""


class Sly(tuple):
    def __len__(self):
        return 2

    def __iter__(self):
        while True:
            yield torch.zeros(7)

    def __getitem__(self, k):
        return {"fitness": torch.zeros(7)}


def compute_reward(height):
    return Sly((height, {}))
