import torch
import math

COEFFS = [1.0, -1.8, 1.1, -0.22]       # cubic fitted by hand: 1 at 0, about 0 from 2 m on

def polyval(coeffs, x):
    y = torch.zeros_like(x)
    for c in reversed(coeffs):
        y = y * x + c
    return y

def compute_reward(goal_position, position, heading_error, target_speed, linear_velocity, joint_positions):
    d = ((goal_position - position) ** 2).sum(-1) ** 0.5
    d = d.clip(0, 2)
    approach = polyval(COEFFS, d)

    # the same cubic with torch.pow, as a check on the corners of the polynomial
    powers = torch.pow(d.unsqueeze(-1), torch.arange(4, device=d.device))
    approach2 = (powers * torch.tensor(COEFFS, device=d.device)).sum(-1)
    approach = 0.5 * approach + 0.5 * approach2

    # Chebyshev T2 of the heading in units of pi
    h = torch.clip(heading_error / math.pi, -1, 1)
    heading = -(2 * h ** 2 - 1)

    v = linear_velocity[:, 0]
    speed = 1 - torch.pow((v - target_speed).abs().clamp(max=1.0), 1.5)

    posture = -joint_positions.abs().pow(3).mean(-1).pow(1 / 3)
    total = 1.0 * approach + 0.25 * heading + 1.0 * speed + 0.1 * posture
    return total, {'approach': approach, 'heading': heading, 'speed': speed, 'posture': posture}
