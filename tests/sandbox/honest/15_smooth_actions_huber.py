import torch
import torch.nn as nn
import torch.nn.functional as F
from typing import Dict, Tuple

huber = nn.HuberLoss(reduction="none", delta=0.5)


def compute_reward(
    action: torch.Tensor,
    last_action: torch.Tensor,
    joint_velocities: torch.Tensor,
    linear_velocity: torch.Tensor,
    target_speed: torch.Tensor,
    steps: torch.Tensor,
) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    vx = linear_velocity[:, 0]

    tracking_loss = huber(vx, target_speed)
    tracking = torch.exp(-2.0 * tracking_loss)

    # Blend in the smoothness terms over the first 200 steps of an episode
    blend = torch.clamp(steps.float() / 200.0, 0.0, 1.0)
    smooth_weight = torch.lerp(torch.full_like(blend, 0.01), torch.full_like(blend, 0.05), blend)

    rate = F.huber_loss(action, last_action, reduction="none", delta=0.2).sum(dim=-1)
    neighbour = torch.diff(action, dim=-1).abs().mean(dim=-1)
    jitter = F.mse_loss(joint_velocities, torch.zeros_like(joint_velocities), reduction="none").mean(-1)

    smoothness = -(smooth_weight * rate + 0.01 * neighbour)
    jitter_pen = jitter.mul(-0.001)

    return tracking + smoothness + jitter_pen, {
        "tracking": tracking,
        "smoothness": smoothness,
        "jitter": jitter_pen,
    }
