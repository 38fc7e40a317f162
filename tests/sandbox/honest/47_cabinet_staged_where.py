import torch
from typing import Dict, Tuple

def compute_reward(fingertip_positions: torch.Tensor,
                   goal_position: torch.Tensor,
                   door_angle: torch.Tensor,
                   action: torch.Tensor,
                   torques: torch.Tensor) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    """
    Staged reward for opening a cabinet door.

    Stage 1: approach the handle (goal_position is the handle).
    Stage 2: put the fingers around it.
    Stage 3: pull the door open.
    """
    device = door_angle.device

    # ---------------- Stage 1: approach ----------------
    hand_center = fingertip_positions.mean(dim=1)
    d = torch.norm(hand_center - goal_position, p=2, dim=-1)
    dist_reward = 1.0 / (1.0 + d ** 2)
    dist_reward *= dist_reward
    dist_reward = torch.where(d <= 0.02, dist_reward * 2, dist_reward)

    # ---------------- Stage 2: around the handle ----------------
    # thumb = finger 0, should be on the other side than the index finger (1)
    thumb_z = fingertip_positions[:, 0, 2]
    index_z = fingertip_positions[:, 1, 2]
    handle_z = goal_position[:, 2]
    around = torch.zeros_like(dist_reward)
    around = torch.where(index_z > handle_z,
                         torch.where(thumb_z < handle_z, around + 0.5, around),
                         around)
    finger_dist = (index_z - handle_z).abs() + (thumb_z - handle_z).abs()
    finger_reward = torch.where(around > 0, 0.04 - 0.5 * finger_dist, torch.zeros_like(around))

    # ---------------- Stage 3: open ----------------
    open_reward = door_angle * around + door_angle
    open_bonus = torch.zeros_like(door_angle)
    open_bonus = torch.where(door_angle > 0.01, open_bonus + 0.5, open_bonus)
    open_bonus = torch.where(door_angle > 0.2, open_bonus + around, open_bonus)
    open_bonus = torch.where(door_angle > 0.39, open_bonus + 2.0 * around, open_bonus)

    # ---------------- regularisation ----------------
    action_penalty = torch.sum(action ** 2, dim=-1)
    torque_penalty = torch.sum(torch.abs(torques), dim=-1)

    w = {"dist": 1.5, "around": 1.0, "finger": 2.0, "open": 7.5}
    reward = w["dist"] * dist_reward + w["around"] * around + w["finger"] * finger_reward \
        + w["open"] * open_reward + open_bonus - 0.01 * action_penalty - torch.tensor(1e-4, device=device) * torque_penalty

    return reward, {
        "dist_reward": dist_reward,
        "around_handle": around,
        "finger_reward": finger_reward,
        "open_reward": open_reward,
        "open_bonus": open_bonus,
        "action_penalty": -0.01 * action_penalty,
        "torque_penalty": -1e-4 * torque_penalty,
    }
