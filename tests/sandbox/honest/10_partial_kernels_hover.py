import functools
import torch
from torch import Tensor


def gaussian(x: Tensor, scale: float, weight: float = 1.0) -> Tensor:
    return weight * torch.exp(-(x / scale) ** 2)


def reciprocal(x: Tensor, scale: float, weight: float = 1.0) -> Tensor:
    return weight / (1.0 + (x / scale) ** 2)


near = functools.partial(gaussian, scale=0.2, weight=1.0)
far = functools.partial(reciprocal, scale=2.0, weight=0.5)
spin_kernel = functools.partial(reciprocal, scale=1.0)


def compute_reward(position: Tensor, goal_position: Tensor, linear_velocity: Tensor,
                   angular_velocity: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    dist = F.pairwise_distance(position, goal_position)
    speed = linear_velocity.norm(dim=1)
    spin = angular_velocity.norm(dim=1)

    r_near = near(dist)
    r_far = far(dist)
    r_spin = spin_kernel(spin) * 0.3
    r_brake = -0.2 * speed * torch.sigmoid(10.0 * (0.5 - dist))
    total = r_near + r_far + r_spin + r_brake
    return total, {"near": r_near, "far": r_far, "spin": r_spin, "brake": r_brake}
