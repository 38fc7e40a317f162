import torch

def compute_reward(position, goal_position, target_speed, linear_velocity, heading_error, height):
    """Smooth reward with torch.special kernels."""
    speed = torch.hypot(linear_velocity[:, 0], linear_velocity[:, 1])
    # erfc falls from 1 at 0 to 0
    track = torch.special.erfc((speed - target_speed).abs() / 0.5)
    # expit as a soft step at 25 cm
    tall = torch.special.expit((height - 0.25) / 0.03)
    # sinc has its maximum when facing the goal
    heading = torch.special.sinc(heading_error / torch.pi)
    # modified Bessel: von Mises like density of the heading, normalised to 1 at 0
    kappa = torch.tensor(4.0)
    von_mises = torch.exp(kappa * (torch.cos(heading_error) - 1.0)) / torch.special.i0e(kappa)
    von_mises = von_mises * torch.special.i0e(kappa)
    # x*log1p(y) cost of distance
    dist = torch.linalg.norm(goal_position - position, dim=-1)
    dist_cost = torch.special.xlog1py(torch.full_like(dist, 0.3), dist)
    halving = torch.exp2(-dist)       # halves at every metre
    tiny = torch.special.expm1(-dist.square())

    total = track + 0.5 * tall + 0.3 * heading + 0.2 * von_mises - dist_cost + halving + 0.1 * tiny
    return total, dict(track=track, tall=tall, heading=heading, von_mises=von_mises, dist_cost=-dist_cost, halving=halving, tiny=tiny)
