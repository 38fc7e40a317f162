import torch


def compute_reward(torso_linear_velocity, up_projection):
    wanted, speed_temperature = 5.0, 10.0
    speed = torso_linear_velocity[:, 0]
    pace = torch.exp(-torch.square(speed - wanted) / speed_temperature)
    upright = 0.2 * up_projection
    return pace + upright, {"pace": pace, "upright": upright}
