import torch
from torch import Tensor
from typing import Tuple, Dict

# which leg each of the 12 joints belongs to
LEG_OF_JOINT = [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]

def compute_reward(torques: Tensor, joint_velocities: Tensor, fingertip_positions: Tensor, object_position: Tensor,
                   contact_forces: Tensor, linear_velocity: Tensor, target_speed: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    leg = torch.tensor(LEG_OF_JOINT, device=torques.device)

    # mechanical power per leg
    power = (torques * joint_velocities).abs()
    leg_power = torch.zeros(power.shape[0], 4, device=power.device)
    leg_power.index_add_(1, leg, power)
    imbalance = leg_power.max(dim=1).values - leg_power.min(dim=1).values

    # the same legs with scatter_add: velocity budget
    idx = leg.unsqueeze(0).expand_as(joint_velocities)
    leg_speed = torch.zeros_like(leg_power).scatter_add(1, idx, joint_velocities.abs())

    # mark the finger which is nearest with a one, all the others with 0.1
    d = (fingertip_positions - object_position.unsqueeze(1)).norm(dim=-1)
    nearest = d.argmin(dim=-1, keepdim=True)
    mark = torch.full_like(d, 0.1).scatter_(1, nearest, 1.0)
    reach = (mark * torch.exp(-3.0 * d)).sum(dim=-1)

    loads = contact_forces[..., 2].clamp(min=0)
    total_load = loads.sum(-1, keepdim=True) + 1e-3
    share = loads / total_load
    even = -((share - 0.25) ** 2).sum(-1)

    speed = torch.exp(-((linear_velocity[:, 0] - target_speed) ** 2) / 0.25)
    power_cost = -0.001 * leg_power.sum(-1)
    imbalance_cost = -0.0005 * imbalance
    speed_cost = -0.001 * leg_speed.amax(-1)

    reward = speed + reach + 0.2 * even + power_cost + imbalance_cost + speed_cost
    return reward, {"speed": speed, "reach": reach, "even": 0.2 * even, "power_cost": power_cost,
                    "imbalance_cost": imbalance_cost, "speed_cost": speed_cost}
