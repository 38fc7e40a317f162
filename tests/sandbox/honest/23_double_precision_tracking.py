import torch


def compute_reward(linear_velocity, target_speed, heading_error, steps, goals_reached, feet_contact, fallen):
    # accumulate in float64 to avoid rounding of the small penalties
    v = linear_velocity.double()
    err = v[:, 0] - target_speed.to(torch.float64)
    tracking = torch.exp(-err.pow(2) / 0.25)
    drift = v[:, 1].abs() + v[:, 2].abs()

    time_bonus = steps.double() / 1000
    goal_bonus = goals_reached.to(torch.int64) * 10 + (goals_reached > 3) * 5
    n_feet = feet_contact.sum(-1)                      # int64
    contact_bonus = n_feet / 4

    total = tracking - 0.1 * drift + 0.01 * time_bonus + 0.01 * goal_bonus + 0.05 * contact_bonus
    total = total * heading_error.cos().clamp(min=0).double()
    total = total - fallen.type_as(total)

    return total.float(), {
        "tracking": tracking.float(),
        "drift": drift.to(torch.float32).neg(),
        "time_bonus": time_bonus.type(torch.float32),
        "goal_bonus": goal_bonus.type_as(linear_velocity),
        "contact_bonus": contact_bonus,
    }
