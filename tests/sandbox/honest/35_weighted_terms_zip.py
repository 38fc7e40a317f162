import torch

names = ["velocity", "upright", "height", "energy", "smooth"]
weights = [1.0, 0.4, 0.3, -0.001, -0.05]


def compute_reward(linear_velocity, target_speed, rotation, height, torques, joint_velocities, action, last_action):
    terms = [
        torch.exp(-torch.abs(linear_velocity[:, 0] - target_speed)),
        1 - 2 * rotation[:, 1:3].pow(2).sum(dim=1),
        torch.exp(-10 * torch.abs(height - 0.5)),
        torch.abs(torques * joint_velocities).sum(dim=1),
        (action - last_action).pow(2).sum(dim=1),
    ]
    weighted = [w * t for w, t in zip(weights, terms)]
    total = torch.full((height.shape[0],), 0.05, device=height.device)  # alive
    total = total + sum(weighted)
    return total, {k: v for k, v in zip(names, weighted)}
