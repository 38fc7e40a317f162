import torch
from torch import Tensor
from typing import Tuple, Dict, List

def compute_reward(fingertip_positions: Tensor, object_position: Tensor, body_positions: Tensor, goal_position: Tensor) -> tuple[torch.Tensor, dict]:
    # all anchors: object, goal
    anchors = torch.stack((object_position, goal_position), dim=1)        # (N, 2, 3)
    d = torch.cdist(fingertip_positions, anchors, p=2.0)                  # (N, 5, 2)

    nearest_to_obj, _ = d[..., 0].min(dim=-1)
    second = d[..., 0].topk(2, dim=-1, largest=False).values[:, 1]
    sorted_d, _ = torch.sort(d[..., 0], dim=-1)
    three_fingers = sorted_d[:, :3].mean(-1)

    # spread of the fingers: mean pairwise distance
    pair = torch.cdist(fingertip_positions, fingertip_positions)
    n_f = pair.shape[-1]
    spread = pair.sum(dim=(-2, -1)) / (n_f * (n_f - 1))

    # links ought to keep away from the object
    link_gap = torch.cdist(body_positions, object_position[:, None]).squeeze(-1).min(dim=1)[0]
    keep_out = -torch.relu(0.1 - link_gap) * 10

    reach = 1.0 - torch.tanh(4.0 * nearest_to_obj)
    pinch = torch.exp(-(second ** 2) / (2 * 0.05 ** 2))
    tripod = torch.exp(-5 * three_fingers)
    place = torch.exp(-5 * (object_position - goal_position).norm(dim=-1)) * (three_fingers < 0.1)

    comps = {"reach": reach, "pinch": pinch, "tripod": tripod, "spread": -0.1 * (spread - 0.12).abs(), "keep_out": keep_out, "place": 5 * place}
    return sum(comps.values()), comps
