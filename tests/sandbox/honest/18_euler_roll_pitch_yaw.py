import numpy as np
import torch


def wrap_to_pi(angle):
    return torch.remainder(angle + np.pi, 2.0 * np.pi) - np.pi


def get_euler(q):
    w, x, y, z = q[:, 0], q[:, 1], q[:, 2], q[:, 3]
    roll = torch.atan2(2 * (w * x + y * z), 1 - 2 * (x ** 2 + y ** 2))
    sinp = 2 * (w * y - z * x)
    pitch = torch.where(sinp.abs() >= 1, torch.copysign(torch.full_like(sinp, np.pi / 2.0), sinp),
                        torch.asin(sinp.clamp(-1, 1)))
    yaw = torch.atan2(2 * (w * z + x * y), 1 - 2 * (y ** 2 + z ** 2))
    return roll, pitch, yaw


def compute_reward(position, goal_position, rotation, linear_velocity, angular_velocity, height):
    roll, pitch, yaw = get_euler(rotation)

    dx, dy = (goal_position - position)[:, :2].unbind(1)
    desired_yaw = torch.atan2(dy, dx)
    yaw_err = wrap_to_pi(desired_yaw - yaw)

    r_yaw = torch.exp(-yaw_err.abs() / (np.pi / 6))
    r_level = torch.exp(-(roll ** 2 + pitch ** 2) / 0.2)
    desired_rate = torch.clamp(1.5 * yaw_err, -1.0, 1.0)
    r_rate = torch.exp(-(angular_velocity[:, 2] - desired_rate) ** 2)

    dist = torch.hypot(dx, dy)
    closing = (linear_velocity[:, 0] * dx + linear_velocity[:, 1] * dy) / (dist + 1e-6)

    reward = r_level * (0.5 + 0.5 * r_yaw) + 0.25 * r_rate + closing * torch.cos(yaw_err).clamp(min=0)
    low = height < 0.25
    reward = torch.where(low, reward - 1.0, reward)
    return reward, {"yaw": r_yaw, "level": r_level, "rate": r_rate, "closing": closing, "low": low}
