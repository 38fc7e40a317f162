"""An arc cosine slightly beyond one.

walls: preflight training
"""


def compute_reward(rotation):
    q = rotation / rotation.norm(dim=-1, keepdim=True)
    return torch.acos(q[:, 0].abs() * 1.5 + 0.2), {}
