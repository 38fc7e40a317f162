import torch

AXES = ("x", "y", "z")
GAINS = dict(x=1.0, y=0.6, z=0.3)


def compute_reward(linear_velocity, angular_velocity, target_speed, action):
    target = torch.cat([target_speed.view(-1, 1), linear_velocity.new_zeros(linear_velocity.shape[0], 2)], dim=1)
    out = {}
    total = 0.0
    for k, ax in enumerate(AXES):
        total = total + (r := GAINS[ax] * torch.exp(-3.0 * (linear_velocity[:, k] - target[:, k]).abs()))
        out[f"lin_{ax}"] = r
    for ax, w in zip(AXES, angular_velocity.T):
        total = total - (p := 0.02 * w ** 2)
        out[f"ang_{ax}"] = -p
    if (n := action.shape[-1]) > 0:
        total = total - (c := 0.1 * action.abs().sum(-1) / n)
        out["ctrl"] = -c
    return total, out
