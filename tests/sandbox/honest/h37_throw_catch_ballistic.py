import torch
from torch import Tensor
from typing import Dict, Tuple


def compute_reward(
    fingertip_positions: Tensor,
    object_position: Tensor,
    goal_position: Tensor,
    joint_positions: Tensor,
    joint_velocities: Tensor,
    torques: Tensor,
    action: Tensor,
    last_action: Tensor,
    steps: Tensor,
    goals_reached: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    """
    Catching a thrown object (2nd generation).

    goal_position is the predicted interception point. Before the object is near,
    the hand should wait there with the fingers open; when the object is near the
    fingers should close.
    """
    tips = fingertip_positions
    palm = tips.mean(dim=1)

    obj_to_palm = torch.norm(object_position - palm, dim=-1)
    palm_to_goal = torch.norm(palm - goal_position, dim=-1)

    # Blend from "wait" to "close" with the distance of the object
    close_weight = torch.sigmoid((0.20 - obj_to_palm) / 0.03)
    wait_weight = 1.0 - close_weight

    # Wait at the interception point
    intercept_reward = wait_weight * torch.exp(-palm_to_goal / 0.15)

    # Open hand while waiting: spread of the fingertips around the palm
    spread = torch.norm(tips - palm.unsqueeze(1), dim=-1).mean(dim=-1)
    open_reward = wait_weight * torch.clamp(spread / 0.08, max=1.0)

    # Close hand
    tip_dist = torch.norm(tips - object_position.unsqueeze(1), dim=-1)
    contact_like = torch.exp(-tip_dist / 0.03)
    close_reward = close_weight * contact_like.mean(dim=-1)

    # Enclosure: the object is inside the fingertips' bounding box
    lo = tips.min(dim=1).values
    hi = tips.max(dim=1).values
    inside = ((object_position > lo) & (object_position < hi)).all(dim=-1)
    enclose_bonus = 2.0 * inside.float()

    # Secured: still near late in the episode
    secured = (obj_to_palm < 0.08) & (steps > 60)
    secure_bonus = 5.0 * secured.float()

    repeat_bonus = 0.5 * goals_reached.float()

    # Dropped
    drop = (object_position[:, 2] < 0.15) & (obj_to_palm > 0.2)
    drop_penalty = -4.0 * drop.float()

    # Regularisation
    pose_penalty = -0.01 * torch.sum(joint_positions ** 2, dim=-1)
    vel_penalty = -2e-4 * torch.sum(joint_velocities ** 2, dim=-1)
    torque_penalty = -1e-6 * torch.sum(torques ** 2, dim=-1)
    rate_penalty = -5e-3 * torch.sum((action - last_action) ** 2, dim=-1)

    reward_terms = {
        "intercept": 1.5 * intercept_reward,
        "open": 0.3 * open_reward,
        "close": 2.0 * close_reward,
        "enclose": enclose_bonus,
        "secure": secure_bonus,
        "repeat": repeat_bonus,
        "drop": drop_penalty,
        "pose": pose_penalty,
        "velocity": vel_penalty,
        "torque": torque_penalty,
        "rate": rate_penalty,
    }

    total = torch.zeros(object_position.shape[0], device=object_position.device, dtype=object_position.dtype)
    for term in reward_terms.values():
        total += term

    return total, reward_terms
