import torch


def compute_reward(cart_position: torch.Tensor, pole_angle: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    alive = torch.ones_like(pole_angle)
    upright = 0.1 * torch.cos(pole_angle)
    centred = 0.1 * (1.0 - torch.abs(cart_position) / 3.0)

    total = alive + upright + centred
    return total, {"alive": alive, "upright": upright, "centred": centred}
