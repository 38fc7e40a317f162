import torch
from torch import Tensor
from typing import Dict, List, Tuple


@torch.jit.script
def tolerance(x: Tensor, lower: float, upper: float, margin: float, sigmoid: str = "gaussian", value_at_margin: float = 0.1) -> Tensor:
    in_bounds = (x >= lower) & (x <= upper)
    if margin == 0.0:
        return in_bounds.float()
    d = torch.where(x < lower, lower - x, x - upper) / margin
    if sigmoid == "linear":
        scaled = d * (1.0 - value_at_margin)
        value = torch.where(scaled.abs() < 1.0, 1.0 - scaled, torch.zeros_like(scaled))
    elif sigmoid == "long_tail":
        scale = (1.0 / value_at_margin - 1.0) ** 0.5
        value = 1.0 / ((d * scale) ** 2 + 1.0)
    else:
        value = torch.exp(torch.log(torch.tensor(value_at_margin)) * d * d)
    return torch.where(in_bounds, torch.ones_like(value), value)


@torch.jit.script
def total_of(terms: Dict[str, Tensor], weights: Dict[str, float]) -> Tensor:
    keys: List[str] = list(terms.keys())
    total = torch.zeros_like(terms[keys[0]])
    for key in keys:
        total = total + weights[key] * terms[key]
    return total


@torch.jit.script
def compute_reward(height: Tensor, position: Tensor, linear_velocity: Tensor, target_speed: Tensor, body_positions: Tensor,
                   action: Tensor, rotation: Tensor, fallen: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    terms: Dict[str, Tensor] = {}
    weights: Dict[str, float] = {}

    terms["standing"] = tolerance(height, 0.5, 1.0e6, 0.25, "linear")
    weights["standing"] = 0.7

    upright = 1.0 - 2.0 * (rotation[:, 1] * rotation[:, 1] + rotation[:, 2] * rotation[:, 2])
    terms["upright"] = tolerance(upright, 0.9, 2.0, 1.9, "linear", 0.0)
    weights["upright"] = 0.5

    terms["move"] = tolerance(linear_velocity[:, 0] - target_speed, -0.1, 0.1, 1.0, "long_tail")
    weights["move"] = 2.0

    terms["small_control"] = tolerance(action, 0.0, 0.0, 1.0).mean(dim=-1)
    weights["small_control"] = 0.2

    # lowest link off the ground
    lowest = torch.min(body_positions[:, :, 2], dim=1)[0]
    terms["clear"] = tolerance(lowest, 0.02, 10.0, 0.0)
    weights["clear"] = 0.1

    terms["fallen"] = fallen.float()
    weights["fallen"] = -3.0

    return total_of(terms, weights), terms
