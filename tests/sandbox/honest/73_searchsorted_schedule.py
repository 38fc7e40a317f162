import torch

# (step, tolerance, weight of the smoothness)
SCHEDULE = [
    (0,   0.30, 0.000),
    (100, 0.20, 0.002),
    (250, 0.10, 0.005),
    (400, 0.05, 0.010),
]

def compute_reward(object_position, goal_position, action, last_action, steps, goals_reached, fallen):
    """Piecewise schedule, looked up for each world from its own step counter."""
    device = object_position.device
    starts = torch.tensor([s[0] for s in SCHEDULE], device=device)
    tols = torch.tensor([s[1] for s in SCHEDULE], device=device)
    smooth_w = torch.tensor([s[2] for s in SCHEDULE], device=device)

    phase = torch.searchsorted(starts, steps, right=True) - 1
    phase = phase.clamp(0, len(SCHEDULE) - 1)

    tol = tols[phase]
    w = smooth_w[phase]

    dist = torch.norm(object_position - goal_position, dim=-1)
    reached = dist < tol
    excess = torch.maximum(dist - tol, torch.zeros_like(dist))

    r_dist = torch.exp(-4.0 * excess)
    r_reached = torch.where(reached, 3.0 + phase, 0.0)
    r_smooth = -w * ((action - last_action) ** 2).sum(dim=-1)
    r_goals = 0.1 * goals_reached
    r_fall = torch.where(fallen, -2.0, 0.0)

    total = r_dist + r_reached + r_smooth + r_goals + r_fall
    return total, {"dist": r_dist, "reached": r_reached, "smooth": r_smooth, "goals": r_goals, "fall": r_fall,
                   "mean_tolerance": float(sum(s[1] for s in SCHEDULE) / len(SCHEDULE))}
