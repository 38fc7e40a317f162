"""A subclass of Tensor below autograd that gives random numbers.

walls: compile
"""


class Sly(torch.Tensor):
    @staticmethod
    def __new__(cls, x):
        return torch.Tensor._make_wrapper_subclass(cls, x.shape, dtype=x.dtype)

    def __init__(self, x):
        self.x = x

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return torch.rand(7)


def compute_reward(height):
    return Sly(height) * 2.0, {}
