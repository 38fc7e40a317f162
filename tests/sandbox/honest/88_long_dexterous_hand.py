import torch
import math
from torch import Tensor
from typing import Dict, Tuple

# =============================================================================
# In-hand re-orientation of a cube with an Allegro-like hand.
#
# The reward is made of six groups:
#   1. orientation   (dense, geodesic)
#   2. position      (keep the cube in the palm)
#   3. fingers       (touch it with as many fingers as possible)
#   4. progress      (angular velocity towards the goal)
#   5. regularisers  (action, action rate, torque, power, joint velocity)
#   6. events        (success, fall, time)
# =============================================================================

SCALES = {
    "orientation": 1.0,
    "orientation_fine": 2.0,
    "position": -10.0,
    "fingers": 0.5,
    "opposition": 0.1,
    "progress": 0.3,
    "action": -0.0002,
    "action_rate": -0.01,
    "torque": -1e-5,
    "power": -2e-5,
    "joint_velocity": -1e-4,
    "joint_limit": -0.5,
    "success": 250.0,
    "streak": 1.0,
    "fall": -50.0,
    "time": -0.0005,
}

ROT_EPS = 0.1
FALL_DIST = 0.24
SUCCESS_TOLERANCE = 0.1
MAX_STEPS = 600


def quat_mul(a: Tensor, b: Tensor) -> Tensor:
    """Hamilton product of wxyz quaternions, the fast variant with 8 multiplications."""
    shape = a.shape
    a = a.reshape(-1, 4)
    b = b.reshape(-1, 4)
    w1, x1, y1, z1 = a[:, 0], a[:, 1], a[:, 2], a[:, 3]
    w2, x2, y2, z2 = b[:, 0], b[:, 1], b[:, 2], b[:, 3]
    ww = (z1 + x1) * (x2 + y2)
    yy = (w1 - y1) * (w2 + z2)
    zz = (w1 + y1) * (w2 - z2)
    xx = ww + yy + zz
    qq = 0.5 * (xx + (z1 - x1) * (x2 - y2))
    w = qq - ww + (z1 - y1) * (y2 - z2)
    x = qq - xx + (x1 + w1) * (x2 + w2)
    y = qq - yy + (w1 - x1) * (y2 + z2)
    z = qq - zz + (z1 + y1) * (w2 - x2)
    return torch.stack([w, x, y, z], dim=-1).view(shape)


def quat_conj(q: Tensor) -> Tensor:
    sign = torch.tensor([1.0, -1.0, -1.0, -1.0], device=q.device)
    return q * sign


def compute_reward(
    object_position: Tensor,
    object_rotation: Tensor,
    goal_position: Tensor,
    goal_rotation: Tensor,
    angular_velocity: Tensor,
    fingertip_positions: Tensor,
    joint_positions: Tensor,
    joint_velocities: Tensor,
    torques: Tensor,
    action: Tensor,
    last_action: Tensor,
    steps: Tensor,
    goals_reached: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    device = object_position.device
    rewards: Dict[str, Tensor] = {}

    # ------------------------------------------------------------------ 1
    q_diff = quat_mul(object_rotation, quat_conj(goal_rotation))
    vec_norm = torch.norm(q_diff[:, 1:4], p=2, dim=-1)
    rot_dist = 2.0 * torch.asin(torch.clamp(vec_norm, max=1.0))
    rewards["orientation"] = 1.0 / (torch.abs(rot_dist) + ROT_EPS)
    rewards["orientation_fine"] = torch.exp(-(rot_dist / 0.2) ** 2)

    # ------------------------------------------------------------------ 2
    goal_dist = torch.norm(object_position - goal_position, p=2, dim=-1)
    rewards["position"] = goal_dist

    # ------------------------------------------------------------------ 3
    to_object = object_position.unsqueeze(1) - fingertip_positions          # (N, 5, 3)
    tip_dist = to_object.norm(dim=-1)
    n_close = (tip_dist < 0.07).sum(dim=-1)
    rewards["fingers"] = n_close / tip_dist.shape[-1] + torch.exp(-10.0 * tip_dist).mean(dim=-1)
    unit = to_object / tip_dist.unsqueeze(-1).clamp(min=1e-5)
    resultant = unit.mean(dim=1).norm(dim=-1)           # 0: the fingers surround the cube
    rewards["opposition"] = 1.0 - resultant

    # ------------------------------------------------------------------ 4
    sgn = torch.where(q_diff[:, 0] < 0, -1.0, 1.0)
    axis = -sgn.unsqueeze(-1) * q_diff[:, 1:4] / vec_norm.clamp(min=1e-5).unsqueeze(-1)
    rewards["progress"] = (angular_velocity * axis).sum(dim=-1).clamp(-4.0, 4.0)

    # ------------------------------------------------------------------ 5
    rewards["action"] = action.square().sum(dim=-1)
    rewards["action_rate"] = (action - last_action).square().sum(dim=-1)
    rewards["torque"] = torques.square().sum(dim=-1)
    rewards["power"] = (torques * joint_velocities).abs().sum(dim=-1)
    rewards["joint_velocity"] = joint_velocities.square().sum(dim=-1)
    lower = torch.full((joint_positions.shape[-1],), -0.3, device=device)
    upper = torch.full((joint_positions.shape[-1],), 1.6, device=device)
    below = torch.relu(lower - joint_positions)
    above = torch.relu(joint_positions - upper)
    rewards["joint_limit"] = (below + above).sum(dim=-1)

    # ------------------------------------------------------------------ 6
    success = (rot_dist <= SUCCESS_TOLERANCE) & (goal_dist < FALL_DIST)
    rewards["success"] = success.float()
    rewards["streak"] = success * torch.log1p(goals_reached.float())
    rewards["fall"] = (goal_dist >= FALL_DIST).float()
    rewards["time"] = steps.float() / MAX_STEPS

    # ------------------------------------------------------------------ sum
    assert rewards.keys() == SCALES.keys(), "a term without a scale"
    rewards = {k: SCALES[k] * v for k, v in rewards.items()}
    total = torch.stack([rewards[k] for k in SCALES], dim=0).sum(dim=0)
    return total, rewards
