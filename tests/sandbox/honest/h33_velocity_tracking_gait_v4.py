import torch
import math
from typing import Tuple, Dict


def _tolerance(x, lower, upper, margin):
    """dm_control-style tolerance with a gaussian sigmoid, value 0.1 at the margin."""
    below = torch.clamp(lower - x, min=0.0)
    above = torch.clamp(x - upper, min=0.0)
    d = (below + above) / margin
    scale = math.sqrt(-2.0 * math.log(0.1))
    return torch.exp(-0.5 * (d * scale) ** 2)


def compute_reward(
    linear_velocity: Tensor,
    angular_velocity: Tensor,
    rotation: Tensor,
    height: Tensor,
    heading_error: Tensor,
    target_speed: Tensor,
    body_positions: Tensor,
    contact_forces: Tensor,
    feet_contact: Tensor,
    joint_positions: Tensor,
    joint_velocities: Tensor,
    torques: Tensor,
    action: Tensor,
    last_action: Tensor,
    steps: Tensor,
    fallen: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    dt = 0.02

    # 1. speed ----------------------------------------------------------------
    v = linear_velocity[:, 0]
    speed = _tolerance(v - target_speed, -0.05, 0.05, 0.6)

    # 2. posture --------------------------------------------------------------
    up_z = 1.0 - 2.0 * (rotation[:, 1] ** 2 + rotation[:, 2] ** 2)
    upright = _tolerance(up_z, 0.97, 1.0, 0.5)
    stand = _tolerance(height, 0.30, 0.38, 0.1)
    posture = upright * stand

    # 3. heading --------------------------------------------------------------
    wrapped = torch.atan2(torch.sin(heading_error), torch.cos(heading_error))
    heading = _tolerance(wrapped, -0.05, 0.05, 0.8)

    # 4. gait clock -----------------------------------------------------------
    # frequency goes from 1.5 Hz when slow to 3 Hz at 3 m/s
    freq = 1.5 + 0.5 * torch.clamp(target_speed.abs(), 0.0, 3.0)
    clock = torch.remainder(steps.float() * dt * freq, 1.0)
    offsets = torch.tensor([0.0, 0.5, 0.5, 0.0], device=clock.device)
    foot_phase = torch.remainder(clock.unsqueeze(1) + offsets, 1.0)
    desired_contact = torch.sigmoid(20.0 * torch.cos(2.0 * math.pi * foot_phase))
    force = contact_forces.norm(dim=-1)
    swing_force = -((1.0 - desired_contact) * (1.0 - torch.exp(-force ** 2 / 2500.0))).mean(dim=1)
    contact_match = 1.0 - (feet_contact.float() - desired_contact).abs().mean(dim=1)

    # stationary command: no gait
    walking = (target_speed.abs() > 0.1).float()
    gait = walking * (0.5 * contact_match + 0.5 * swing_force) + (1.0 - walking) * feet_contact.float().mean(dim=1)

    # 5. foot height in swing ---------------------------------------------------
    foot_z = body_positions[:, :4, 2]
    target_z = 0.08 * torch.clamp(-torch.cos(2.0 * math.pi * foot_phase), min=0.0)
    clearance = -(torch.square(foot_z - target_z) * (1.0 - desired_contact)).sum(dim=1) * walking

    # 6. regularisation ---------------------------------------------------------
    vz = -torch.square(linear_velocity[:, 2])
    vy = -torch.square(linear_velocity[:, 1])
    wxy = -torch.sum(torch.square(angular_velocity[:, 0:2]), dim=1)
    torque = -torch.sum(torch.square(torques), dim=1)
    power = -torch.sum(torch.clamp(torques * joint_velocities, min=0.0), dim=1)
    rate = -torch.sum(torch.square(action - last_action), dim=1)
    hip = -torch.sum(torch.square(joint_positions[:, [0, 3, 6, 9]]), dim=1)

    positive = 2.0 * speed * posture + 0.5 * heading + 0.5 * gait
    negative = (
        1.0 * clearance + 1.0 * vz + 0.5 * vy + 0.05 * wxy
        + 1e-5 * torque + 2e-4 * power + 0.01 * rate + 0.1 * hip
    )
    # exponential mixing (rewards stay positive, the penalties scale them)
    total = positive * torch.exp(0.2 * negative)
    total = torch.where(fallen, torch.zeros_like(total), total)

    return total, {
        "speed": speed,
        "posture": posture,
        "heading": heading,
        "gait": gait,
        "clearance": clearance,
        "vz": vz,
        "vy": vy,
        "wxy": wxy,
        "torque": 1e-5 * torque,
        "power": 2e-4 * power,
        "rate": 0.01 * rate,
        "hip": 0.1 * hip,
    }
