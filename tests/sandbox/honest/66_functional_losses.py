import torch
import torch.nn as nn
import torch.nn.functional as F
from typing import Dict, Tuple

def compute_reward(object_position: torch.Tensor, goal_position: torch.Tensor, object_rotation: torch.Tensor, goal_rotation: torch.Tensor,
                   joint_positions: torch.Tensor, action: torch.Tensor, last_action: torch.Tensor, feet_contact: torch.Tensor,
                   contact_forces: torch.Tensor) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    """Uses torch.nn.functional's losses (reduction='none'), each averaged over the last axis."""
    pos_loss = F.smooth_l1_loss(object_position, goal_position, reduction="none", beta=0.1).sum(dim=-1)
    rot_loss = 1.0 - F.cosine_similarity(object_rotation, goal_rotation, dim=-1).abs()
    posture_loss = F.huber_loss(joint_positions, torch.zeros_like(joint_positions), reduction="none", delta=0.5).mean(dim=-1)
    rate_loss = F.l1_loss(action, last_action, reduction="none").mean(dim=-1)
    # the contact should agree with the force
    force_prob = torch.sigmoid(contact_forces[..., 2] / 10.0 - 1.0)
    contact_loss = F.binary_cross_entropy(force_prob, feet_contact.float(), reduction="none").mean(dim=-1)
    margin_loss = F.relu(F.pairwise_distance(object_position, goal_position) - 0.05)
    gate = F.softplus(-10 * margin_loss) / math.log(2)

    reward = -2.0 * pos_loss - 1.0 * rot_loss - 0.1 * posture_loss - 0.05 * rate_loss - 0.01 * contact_loss + gate
    return reward, {"pos": -2.0 * pos_loss, "rot": -rot_loss, "posture": -0.1 * posture_loss, "rate": -0.05 * rate_loss,
                    "contact": -0.01 * contact_loss, "gate": gate}
