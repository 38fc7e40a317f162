import torch
import torch.nn.functional as F
from torch import Tensor

N_STAGES = 4
# base value of each stage, so that being in a later one always pays more
STAGE_BASE = (0.0, 1.0, 2.0, 4.0)

def compute_reward(fingertip_positions: Tensor, object_position: Tensor, goal_position: Tensor, joint_velocities: Tensor):
    tip_d = (fingertip_positions - object_position[:, None, :]).norm(dim=-1).mean(dim=-1)
    goal_d = (goal_position - object_position).norm(dim=-1)
    z = object_position[:, 2]

    # 0 approach, 1 lift, 2 carry, 3 placed
    stage = torch.zeros_like(tip_d, dtype=torch.long)
    stage = stage + (tip_d < 0.3).long()
    stage = stage + ((tip_d < 0.3) & (z > 0.1)).long()
    stage = torch.where(goal_d < 0.05, torch.full_like(stage, 3), stage)

    one_hot = F.one_hot(stage, num_classes=N_STAGES).float()          # (N, 4)
    within = torch.stack([
        1 - torch.tanh(3 * tip_d),
        torch.clamp(z / 0.1, 0, 1),
        1 - torch.tanh(2 * goal_d),
        torch.exp(-joint_velocities.pow(2).mean(dim=-1)),
    ], dim=1)
    base = torch.tensor(STAGE_BASE, device=tip_d.device)

    stage_reward = (one_hot * within).sum(dim=1)
    base_reward = (one_hot * base).sum(dim=1)
    return stage_reward + base_reward, {"stage_reward": stage_reward, "base_reward": base_reward, "stage": stage.float()}
