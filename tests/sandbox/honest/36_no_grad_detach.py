import torch
from torch import Tensor
from typing import Tuple, Dict


@torch.no_grad()
def _mean_power(torques: Tensor, joint_velocities: Tensor) -> Tensor:
    return (torques * joint_velocities).clamp(min=0).mean(dim=-1)


def compute_reward(linear_velocity: Tensor, target_speed: Tensor, torques: Tensor, joint_velocities: Tensor,
                   action: Tensor, last_action: Tensor, fallen: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    with torch.no_grad():
        err = linear_velocity[:, 0] - target_speed
        tracking = torch.exp(-err.square() / 0.2)
        delta = (action - last_action.detach()).clone()
        delta[:, ::3] *= 2.0        # hips count double
        rate = torch.linalg.vector_norm(delta, ord=2, dim=-1)
        power = _mean_power(torques, joint_velocities)
        done_mask = fallen.bool()

        reward = tracking.clone()
        reward.sub_(0.05 * rate)
        reward.sub_(power, alpha=0.002)
        reward.masked_fill_(done_mask, -2.0)
        reward = torch.nan_to_num(reward, nan=0.0, posinf=0.0, neginf=0.0)
    return reward.detach(), {"tracking": tracking, "rate": rate.detach() * -0.05, "power": -0.002 * power}
