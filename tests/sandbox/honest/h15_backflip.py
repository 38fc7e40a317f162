import torch
import math
from torch import Tensor
from typing import Tuple, Dict

# Phase timing in control steps (50 Hz)
CROUCH_END = 15
TAKEOFF_END = 25
FLIGHT_END = 50
LAND_END = 100


def compute_reward(
    rotation: Tensor,
    linear_velocity: Tensor,
    angular_velocity: Tensor,
    height: Tensor,
    joint_positions: Tensor,
    torques: Tensor,
    feet_contact: Tensor,
    fallen: Tensor,
    action: Tensor,
    last_action: Tensor,
    steps: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    """
    Backflip reward with four phases selected by the step counter:
    crouch -> take-off -> flight (rotation about -y) -> landing.
    """
    crouch = (steps < CROUCH_END).float()
    takeoff = ((steps >= CROUCH_END) & (steps < TAKEOFF_END)).float()
    flight = ((steps >= TAKEOFF_END) & (steps < FLIGHT_END)).float()
    landing = (steps >= FLIGHT_END).float()

    w, x, y, z = rotation[:, 0], rotation[:, 1], rotation[:, 2], rotation[:, 3]
    up_z = 1.0 - 2.0 * (x * x + y * y)
    n_contact = feet_contact.float().sum(dim=1)
    airborne = (n_contact < 0.5).float()

    # --- crouch ---
    crouch_reward = crouch * torch.exp(-torch.abs(height - 0.2) / 0.05)

    # --- take-off: upward velocity and backward pitch rate ---
    jump_reward = takeoff * torch.clamp(linear_velocity[:, 2], 0.0, 4.0)
    pitch_rate_back = -angular_velocity[:, 1]
    pitch_start = takeoff * torch.clamp(pitch_rate_back, 0.0, 8.0) * 0.25

    # --- flight: follow the desired pitch ---
    phase = torch.clamp((steps.float() - TAKEOFF_END) / (FLIGHT_END - TAKEOFF_END), 0.0, 1.0)
    desired_pitch = -2.0 * math.pi * phase
    # quaternion for desired pitch about y: (cos(p/2), 0, sin(p/2), 0)
    dq = w * torch.cos(0.5 * desired_pitch) + y * torch.sin(0.5 * desired_pitch)
    pitch_err = 2.0 * torch.acos(torch.clamp(torch.abs(dq), max=1.0 - 1e-6))
    flight_track = flight * torch.exp(-pitch_err / 0.6)
    flight_spin = flight * airborne * torch.clamp(pitch_rate_back / 8.0, 0.0, 1.0)
    flight_height = flight * torch.clamp(height - 0.3, 0.0, 0.6)
    tuck = flight * torch.exp(-((joint_positions.abs() - 1.2) ** 2).mean(dim=1) / 0.5)

    # --- landing ---
    landing_upright = landing * torch.exp((up_z - 1.0) / 0.2)
    landing_still = landing * torch.exp(-torch.norm(linear_velocity, dim=1) / 0.5)
    landing_feet = landing * n_contact / 4.0

    # --- off-axis rotation, effort ---
    off_axis = -0.05 * (angular_velocity[:, 0] ** 2 + angular_velocity[:, 2] ** 2)
    effort = -5e-6 * (torques ** 2).sum(dim=1)
    rate = -0.005 * ((action - last_action) ** 2).sum(dim=1)
    fall = -5.0 * (fallen & (steps >= FLIGHT_END)).float()

    total_reward = (
        1.0 * crouch_reward
        + 2.0 * jump_reward
        + pitch_start
        + 3.0 * flight_track
        + 2.0 * flight_spin
        + 3.0 * flight_height
        + 0.3 * tuck
        + 2.0 * landing_upright
        + 1.0 * landing_still
        + 1.0 * landing_feet
        + off_axis
        + effort
        + rate
        + fall
    )

    reward_components = {
        "crouch": crouch_reward,
        "jump": jump_reward,
        "pitch_start": pitch_start,
        "flight_track": flight_track,
        "flight_spin": flight_spin,
        "flight_height": flight_height,
        "tuck": tuck,
        "landing_upright": landing_upright,
        "landing_still": landing_still,
        "landing_feet": landing_feet,
        "off_axis": off_axis,
        "effort": effort,
        "rate": rate,
        "fall": fall,
    }
    return total_reward, reward_components
