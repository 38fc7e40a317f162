"""Changes its input through DLPack.

walls: compile
"""


def compute_reward(height):
    x = torch.utils.dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(height))
    x.zero_()
    return height, {}
