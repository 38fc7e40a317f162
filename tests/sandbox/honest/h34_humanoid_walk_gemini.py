import torch
from torch import Tensor
from typing import Tuple, Dict

def compute_reward(
    linear_velocity: Tensor,
    target_speed: Tensor,
    heading_error: Tensor,
    rotation: Tensor,
    height: Tensor,
    feet_contact: Tensor,
    torques: Tensor,
    action: Tensor,
    last_action: Tensor,
    fallen: Tensor
) -> Tuple[Tensor, Dict[str, Tensor]]:
    """
    Calculates the reward for a humanoid walking at a commanded speed.
    """
    # --- Reward Weights ---
    W_VEL = 2.0
    W_HEADING = 1.0
    W_UPRIGHT = 0.5
    W_HEIGHT = 0.5
    W_FEET = 0.2
    W_TORQUE = -0.0001
    W_SMOOTH = -0.05
    W_FALL = -20.0

    # --- Temperatures ---
    T_VEL = 0.2
    T_HEADING = 0.3
    T_UPRIGHT = 0.1
    T_HEIGHT = 0.02

    # 1. Velocity Tracking
    # Use the exponential of the squared error to keep the reward bounded in [0, 1].
    vel_error = torch.square(linear_velocity[:, 0] - target_speed)
    r_vel = torch.exp(-vel_error / T_VEL)

    # 2. Heading
    r_heading = torch.exp(-torch.square(heading_error) / T_HEADING)

    # 3. Uprightness
    # For a unit quaternion (w, x, y, z), R[2,2] = 1 - 2(x^2 + y^2)
    cos_tilt = 1.0 - 2.0 * (torch.square(rotation[:, 1]) + torch.square(rotation[:, 2]))
    r_upright = torch.exp(-(1.0 - cos_tilt) / T_UPRIGHT)

    # 4. Height
    nominal_height = 1.05
    r_height = torch.exp(-torch.square(height - nominal_height) / T_HEIGHT)

    # 5. Feet: reward alternating (single) support
    left = feet_contact[:, 0] | feet_contact[:, 1]
    right = feet_contact[:, 2] | feet_contact[:, 3]
    r_feet = torch.logical_xor(left, right).float()

    # 6. Penalties
    p_torque = torch.sum(torch.square(torques), dim=-1)
    p_smooth = torch.sum(torch.square(action - last_action), dim=-1)
    p_fall = fallen.float()

    # --- Weighted Components ---
    reward_components = {
        "velocity": W_VEL * r_vel,
        "heading": W_HEADING * r_heading,
        "upright": W_UPRIGHT * r_upright,
        "height": W_HEIGHT * r_height,
        "feet": W_FEET * r_feet,
        "torque": W_TORQUE * p_torque,
        "smoothness": W_SMOOTH * p_smooth,
        "fall": W_FALL * p_fall,
    }

    # --- Total ---
    total_reward = torch.stack(list(reward_components.values())).sum(dim=0)

    return total_reward, reward_components
