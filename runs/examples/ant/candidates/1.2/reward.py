import torch


def compute_reward(progress, torso_position, up_projection, fall_margin_height=None):
    height = torso_position[:, 2]
    standing = torch.sigmoid((height - 0.36) / 0.02)
    upright = torch.clamp(up_projection, min=0.0)
    run = progress * standing * upright
    return run, {"run": run, "standing": standing, "upright": upright}
