"""An object whose class says that it is a tensor.

walls: compile
"""


class Sly:
    __class__ = torch.Tensor
    shape = (7,)
    dtype = torch.float32

    def __getattr__(self, name):
        return lambda *args, **kwargs: self


def compute_reward(height):
    return Sly(), {"a": Sly()}
