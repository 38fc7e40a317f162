"""Two hands hand an object over. Fingertips 0-1 belong to the left hand, 3-4 to the right; 2 is a camera link."""
import torch
from torch import Tensor
from typing import Dict, Tuple

LEFT = [0, 1]
RIGHT = [3, 4]
HANDOVER_X = 0.0


def hand_distance(tips: Tensor, ids: list, obj: Tensor) -> Tensor:
    return torch.cdist(tips[:, ids], obj.unsqueeze(1)).squeeze(-1).mean(-1)


def compute_reward(
    fingertip_positions: Tensor,
    object_position: Tensor,
    goal_position: Tensor,
    joint_positions: Tensor,
    action: Tensor,
    last_action: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    left_d = hand_distance(fingertip_positions, LEFT, object_position)
    right_d = hand_distance(fingertip_positions, RIGHT, object_position)

    x = object_position[:, 0]
    # 0: the object is on the left side, 1: it's on the right side
    progress = torch.sigmoid((x - HANDOVER_X) / 0.05)

    left_hold = torch.exp(-8.0 * left_d)
    right_hold = torch.exp(-8.0 * right_d)

    # left holds first, then both, then right alone
    approach = (1 - progress) * left_hold + progress * right_hold
    both = 4 * progress * (1 - progress) * torch.minimum(left_hold, right_hold)
    released = progress * torch.clamp(left_d - 0.1, min=0.0, max=0.2) / 0.2

    left_arm, right_arm = joint_positions.chunk(2, dim=-1)
    mirror = torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0, -1.0], device=joint_positions.device)
    symmetry = -0.02 * (left_arm - right_arm * mirror).abs().sum(-1)

    la, ra = action.split(6, dim=-1)
    pla, pra = last_action.split([6, 6], dim=-1)
    smooth = -0.01 * ((la - pla) ** 2 + (ra - pra) ** 2).sum(dim=-1)

    # hands shouldn't collide except around the handover
    gap = torch.cdist(fingertip_positions[:, LEFT], fingertip_positions[:, RIGHT]).flatten(1).amin(dim=1)
    collision = -torch.where(gap < 0.03, 1.0 - gap / 0.03, torch.zeros_like(gap))

    goal_d = torch.norm(object_position - goal_position, dim=-1)
    goal = 3.0 * torch.exp(-5.0 * goal_d) + 10.0 * (goal_d < 0.03)

    components = dict(approach=approach, both=both, released=released, symmetry=symmetry,
                      smooth=smooth, collision=collision, goal=goal)
    total = torch.zeros_like(goal)
    for v in components.values():
        total += v
    return total, components
