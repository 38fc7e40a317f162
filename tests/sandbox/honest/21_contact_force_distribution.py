import torch
import torch.nn.functional as F
from torch import Tensor


def compute_reward(contact_forces: Tensor, feet_contact: Tensor, linear_velocity: Tensor, target_speed: Tensor):
    force_mag = contact_forces.norm(dim=-1)                     # (N, 4)
    fz = contact_forces[..., 2]

    # share of the load per foot; the entropy is maximal when spread evenly
    share = F.softmax(force_mag / 50.0, dim=-1)
    entropy = -(share * torch.log(share + 1e-8)).sum(dim=-1)
    evenness = entropy / torch.log(torch.tensor(4.0, device=share.device))

    # the two most loaded feet should be loaded about the same
    top2, _ = torch.topk(force_mag, k=2, dim=-1)
    imbalance = (top2[:, 0] - top2[:, 1]) / (top2[:, 0] + top2[:, 1] + 1e-6)

    sorted_f, order = torch.sort(fz, dim=1, descending=True)
    spread = sorted_f[:, 0] - sorted_f[:, -1]

    # horizontal force should stay in the friction cone (mu = 0.6)
    tangential = torch.sqrt(contact_forces[..., 0] ** 2 + contact_forces[..., 1] ** 2 + 1e-12)
    slip = torch.relu(tangential - 0.6 * fz.clamp(min=0.0))
    slip = torch.where(feet_contact, slip, torch.zeros_like(slip)).amax(dim=-1)

    peak = force_mag.max(dim=-1).values
    peak_penalty = -0.002 * (peak - 150.0).clamp(min=0.0)

    speed_reward = torch.exp(-torch.abs(linear_velocity[:, 0] - target_speed))
    total = speed_reward + 0.2 * evenness - 0.1 * imbalance - 0.0005 * spread - 0.002 * slip + peak_penalty
    return total, {
        "speed": speed_reward, "evenness": evenness, "imbalance": -0.1 * imbalance,
        "spread": -0.0005 * spread, "slip": -0.002 * slip, "peak": peak_penalty,
    }
