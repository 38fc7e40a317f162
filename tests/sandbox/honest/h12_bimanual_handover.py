import torch
import torch.nn.functional as F
from torch import Tensor
from typing import Tuple, Dict


# Links 0-1 belong to the giving arm, links 3-4 to the receiving arm
GIVER = 0
RECEIVER = 4


def _dist(a: Tensor, b: Tensor) -> Tensor:
    return torch.norm(a - b, dim=-1)


def _shaped(d: Tensor, temp: float) -> Tensor:
    return torch.exp(-d / temp)


def compute_reward(
    body_positions: Tensor,
    object_position: Tensor,
    object_rotation: Tensor,
    goal_position: Tensor,
    goal_rotation: Tensor,
    action: Tensor,
    last_action: Tensor,
    torques: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    giver = body_positions[:, GIVER]
    receiver = body_positions[:, RECEIVER]

    d_giver = _dist(giver, object_position)
    d_receiver = _dist(receiver, object_position)
    d_goal = _dist(object_position, goal_position)

    # Phase weights. Early in the hand-over the object is with the giver; later it is with the receiver.
    # softmax over negative distances gives a smooth assignment.
    logits = torch.stack([-d_giver, -d_receiver], dim=-1) / 0.1
    weights = F.softmax(logits, dim=-1)
    w_giver, w_receiver = weights[:, 0], weights[:, 1]

    giver_reach = _shaped(d_giver, 0.15)
    receiver_reach = _shaped(d_receiver, 0.15)

    # both hands have to meet near the object
    meet = _shaped(_dist(giver, receiver), 0.25) * giver_reach

    # transferring: the object is with the receiver and not with the giver
    transfer = w_receiver * receiver_reach
    release = transfer * torch.clamp(d_giver, max=0.3) / 0.3

    # object to goal, only counted when the receiver holds it
    goal = _shaped(d_goal, 0.2) * (0.2 + 0.8 * w_receiver)

    # orientation
    cos_half = torch.abs((object_rotation * goal_rotation).sum(-1)).clamp(max=1.0)
    rot_err = 2.0 * torch.acos(cos_half)
    orientation = _shaped(rot_err, 0.5) * w_receiver

    dropped = (object_position[:, 2] < 0.05).to(object_position.dtype)
    drop = -3.0 * dropped

    smooth = -0.01 * (action - last_action).square().sum(-1)
    effort = -1e-5 * torques.square().sum(-1)

    total = (
        0.5 * giver_reach * w_giver
        + 0.5 * receiver_reach
        + 0.5 * meet
        + 1.0 * transfer
        + 0.5 * release
        + 3.0 * goal
        + 0.5 * orientation
        + drop
        + smooth
        + effort
    )
    return total, {
        "giver_reach": giver_reach,
        "receiver_reach": receiver_reach,
        "meet": meet,
        "transfer": transfer,
        "release": release,
        "goal": goal,
        "orientation": orientation,
        "drop": drop,
        "smooth": smooth,
        "effort": effort,
    }
