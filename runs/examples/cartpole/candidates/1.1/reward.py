import torch


def compute_reward(pole_angle: torch.Tensor, cart_position: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    cart_limit = 3.0

    alive = torch.ones_like(pole_angle)
    height = torch.cos(pole_angle)
    edge = -torch.pow(torch.abs(cart_position) / cart_limit, 4)

    total = alive + height + edge
    return total, {"alive": alive, "height": height, "edge": edge}
