import torch
from torch.nn import functional as F

MASS = 12.0
G = 9.81
WEIGHT = MASS * G


def compute_reward(torques, joint_velocities, linear_velocity, target_speed, rotation):
    # Mechanical power, only positive work costs energy
    mech = F.relu(torques * joint_velocities)
    # resistive losses ~ I^2 R
    heat = 0.01 * torques.square()
    power = (mech + heat).sum(dim=-1)

    v = linear_velocity[:, :2].norm(dim=-1)
    cot = power / (WEIGHT * torch.maximum(v, torch.full_like(v, 0.1)))

    cot_reward = 1.0 - torch.tanh(cot / 2.0)
    speed_gate = torch.where(target_speed > 0.2,
                             torch.clip(v / (target_speed + 1e-6), 0.0, 1.0),
                             torch.exp(-5.0 * v))
    overspeed = F.softplus(4.0 * (v - target_speed)) / 4.0
    tilt = 2.0 * (rotation[:, 1].square() + rotation[:, 2].square())

    total = speed_gate * (1.0 + 0.5 * cot_reward) - 0.5 * overspeed - 0.3 * tilt
    return total, {"speed_gate": speed_gate, "cot": cot, "cot_reward": cot_reward,
                   "overspeed": -0.5 * overspeed, "tilt": -0.3 * tilt}
