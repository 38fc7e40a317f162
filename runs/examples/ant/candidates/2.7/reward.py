import torch


def compute_reward(torso_linear_velocity, heading_projection, up_projection, joint_velocity):
    speed_temperature, stride_temperature = 2.5, 6.0
    velocity = torso_linear_velocity[:, 0]
    facing = torch.clamp(heading_projection, min=0.0)
    speed = torch.tanh(velocity / speed_temperature)
    run = 2.5 * speed * facing
    hips = torch.mean(torch.abs(joint_velocity[:, 0::2]), dim=-1)
    stride = 0.2 * torch.tanh(hips / stride_temperature) * torch.clamp(speed, min=0.0)
    posture = 0.25 * torch.exp(-torch.square(1.0 - up_projection) / 0.1)
    total = run + stride + posture
    return total, {"run": run, "stride": stride, "posture": posture}
