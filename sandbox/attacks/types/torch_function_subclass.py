"""A subclass of Tensor that answers every operation itself.

walls: compile
"""


class Sly(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return torch.rand(7)


def compute_reward(height):
    return height.as_subclass(Sly) + 1, {}
