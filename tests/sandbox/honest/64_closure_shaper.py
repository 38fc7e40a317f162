import functools
import math
import torch

def make_shaper(kind, scale, weight=1.0):
    if kind == "exp":
        def f(x):
            return weight * torch.exp(-scale * x)
    elif kind == "tanh":
        def f(x):
            return weight * (1 - torch.tanh(scale * x))
    elif kind == "inv":
        def f(x):
            return weight / (1 + scale * x * x)
    else:
        raise NotImplementedError(kind)
    return f

reach_fn = make_shaper("tanh", 5.0)
lift_fn = make_shaper("exp", 8.0, weight=2.0)
turn_fn = make_shaper("inv", 4.0, weight=1.5)

l2 = functools.partial(torch.norm, p=2, dim=-1)

def compute_reward(fingertip_positions, object_position, object_rotation, goal_position, goal_rotation, goals_reached):
    palm = fingertip_positions.mean(1)
    reach = reach_fn(l2(palm - object_position))
    lift = lift_fn((goal_position[:, 2] - object_position[:, 2]).abs())
    angle = 2 * torch.acos(torch.clamp(torch.abs((object_rotation * goal_rotation).sum(-1)), max=1.0))
    turn = turn_fn(angle)

    def gated(value, *gates):
        out = value
        for g in gates:
            out = out * g.to(value.dtype)
        return out

    near = l2(palm - object_position) < 0.12
    high = object_position[:, 2] > 0.2
    turn_g = gated(turn, near, high)
    bonus = gated(torch.full_like(turn, 10.0), near, high, angle < math.pi / 18)
    streak = 0.5 * goals_reached.float().sqrt()
    total = functools.reduce(torch.add, [reach, lift, turn_g, bonus, streak])
    return total, {"reach": reach, "lift": lift, "turn": turn_g, "bonus": bonus, "streak": streak}
