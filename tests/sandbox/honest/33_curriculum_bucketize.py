import torch
from torch import Tensor

STAGES = [100, 300, 700]
STAGE_SIGMA = [1.0, 0.6, 0.35, 0.2]
STAGE_SMOOTH = (0.0, 0.01, 0.03, 0.06)


def compute_reward(steps: Tensor, linear_velocity: Tensor, target_speed: Tensor, action: Tensor,
                   last_action: Tensor, height: Tensor):
    dev = steps.device
    boundaries = torch.tensor(STAGES, device=dev)
    stage = torch.bucketize(steps, boundaries)                  # (N,) 0..3

    sigma = torch.tensor(STAGE_SIGMA, device=dev)[stage]
    w_smooth = torch.tensor(STAGE_SMOOTH, device=dev).index_select(0, stage)
    onehot = F.one_hot(stage, num_classes=len(STAGE_SIGMA)).float()
    stage_bonus = onehot @ torch.linspace(0.0, 0.3, steps=len(STAGE_SIGMA), device=dev)

    err = linear_velocity[:, 0].sub(target_speed)
    track = err.div(sigma).square().neg().exp()
    smooth = w_smooth * (action - last_action).abs().sum(1)

    progress = (steps.clamp(max=700) / 700.0)
    target_height = torch.lerp(torch.tensor(0.25, device=dev), torch.tensor(0.35, device=dev), progress)
    low = torch.relu(target_height - height)

    reward = track + stage_bonus * track - smooth - 2.0 * low
    return reward, {"track": track, "stage_bonus": stage_bonus, "smooth": -smooth, "low": -2.0 * low,
                    "stage": stage}
