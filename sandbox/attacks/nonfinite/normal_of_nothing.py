"""A direction of no length in rare states.

walls: preflight training
"""


def compute_reward(position):
    p = position.clamp(-0.5, 0.5) * (position.abs() > 0.1)
    return (p / p.norm(dim=-1, keepdim=True)).sum(-1), {}
