import torch

def compute_reward(goals_reached, steps, position, goal_position, fallen, feet_contact):
    # goals reached so far are worth 10 points each
    goal_points = goals_reached * 10
    # small bonus every 25 steps
    tick = (steps % 25 == 0) * 0.2
    # efficiency: goals per hundred steps
    hundreds = steps // 100 + 1
    efficiency = goals_reached / hundreds
    # parity of the contacts
    contacts = feet_contact.sum(dim=1)
    parity = contacts % 2
    # distance, quantised in 10 cm bins
    d = (position - goal_position).square().sum(1).sqrt()
    bins = (d * 10).floor().int()
    dist_pen = bins / 10
    # bit of patience
    patience = torch.where(steps < 500, 1, 0)
    level = torch.clamp(goals_reached, max=5)

    total = goal_points + tick + efficiency - 0.1 * parity - dist_pen + 0.1 * patience + level * 2 - 100 * fallen
    print("reward", total.shape, total.dtype)
    return total.float(), {
        "goal_points": goal_points.float(),
        "tick": tick,
        "efficiency": efficiency,
        "parity": -0.1 * parity,
        "dist_pen": -dist_pen,
        "patience": patience,
        "level": level,
    }
