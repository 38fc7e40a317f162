"""The reward of Gymnasium's Pendulum-v1, but with the angle after the action."""

import torch


def compute_reward(observation: torch.Tensor, action: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Costs of the angle, the speed and the torque."""
    angle = torch.atan2(observation[:, 1], observation[:, 0])
    upright, still, effort = -(angle**2), -0.1 * observation[:, 2] ** 2, -0.001 * action[:, 0] ** 2
    return upright + still + effort, {"upright": upright, "still": still, "effort": effort}
