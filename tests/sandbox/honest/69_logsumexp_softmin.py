import torch
from torch import Tensor

def softmin(x: Tensor, beta: float = 20.0, dim: int = -1) -> Tensor:
    return -torch.logsumexp(-beta * x, dim=dim) / beta

def softmax_weighted(x: Tensor, beta: float = 10.0) -> Tensor:
    w = torch.softmax(-beta * x, dim=-1)
    return (w * x).sum(-1)

def compute_reward(fingertip_positions: Tensor, object_position: Tensor, goal_position: Tensor, body_positions: Tensor, object_rotation: Tensor, goal_rotation: Tensor):
    d = (fingertip_positions - object_position.unsqueeze(-2)).pow(2).sum(-1).sqrt()
    nearest = softmin(d)
    average = softmax_weighted(d)
    geometric = torch.prod(d + 0.01, dim=-1) ** (1.0 / d.shape[-1])

    clearance = softmin((body_positions - goal_position.unsqueeze(-2)).norm(dim=-1), beta=10.0)
    crowd = -torch.nn.functional.elu(0.2 - clearance)

    # both q and -q stand for the same rotation
    rot = torch.minimum((object_rotation - goal_rotation).norm(dim=-1), (object_rotation + goal_rotation).norm(dim=-1))
    carry = (object_position - goal_position).norm(dim=-1)
    # a soft "and" of position and rotation
    both = torch.exp(-torch.logaddexp(5 * carry, 3 * rot))

    total = -nearest - 0.5 * average - 0.2 * geometric + 0.1 * crowd + 2 * both
    return total, {"nearest": -nearest, "average": -0.5 * average, "geometric": -0.2 * geometric, "crowd": 0.1 * crowd, "both": 2 * both}
