import torch


def compute_reward(target_distance, up_projection, torso_position):
    closeness = 1.0 - target_distance / 1000.0
    upright = 0.1 * up_projection
    height_temperature = 0.05
    height = 0.1 * torch.exp(-torch.square(torso_position[:, 2] - 0.44) / height_temperature)
    total = closeness + upright + height
    return total, {"closeness": closeness, "upright": upright, "height": height}
