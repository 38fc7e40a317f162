import torch


def compute_reward(feet_contact, contact_forces, body_positions, height, linear_velocity, target_speed, steps,
                   fallen):
    N, num_feet = feet_contact.shape
    forces = contact_forces.norm(dim=2)
    # no contact -> no force counted
    forces = forces.masked_fill(~feet_contact, 0.0)
    loads = forces / (forces.sum(dim=1, keepdim=True) + 1e-6)

    # the heaviest loaded foot gets a one in its column
    heaviest = loads.argmax(dim=1, keepdim=True)
    one_hot = torch.zeros_like(loads).scatter_(1, heaviest, 1.0)
    expected = (torch.div(steps, 10, rounding_mode="floor") % num_feet).unsqueeze(-1)
    in_turn = one_hot.gather(1, expected).squeeze(1)

    # which columns to leave out: the rear feet carry no swing reward
    rear = torch.tensor([2, 3], device=feet_contact.device)
    swing = (~feet_contact).float().index_fill(1, rear, 0.0)
    swing_reward = swing.sum(-1) * 0.1

    cum = torch.cumsum(loads, dim=1)
    balance = -(cum - torch.linspace(0.25, 1.0, num_feet, device=cum.device)).abs().sum(1)

    clearance = body_positions[:, 3:, 2].amin(dim=-1).clamp(0.0, 0.1) * 10

    speed = linear_velocity[:, 0]
    speed_r = torch.exp(-torch.abs(speed - target_speed) / 0.5)
    speed_r = speed_r * (speed > 0)

    reward = speed_r + 0.3 * in_turn + swing_reward + 0.1 * balance + 0.1 * clearance
    idx = fallen.nonzero(as_tuple=True)[0]
    reward = reward.index_fill(0, idx, -1.0)
    reward[(height < 0.15) & ~fallen] = 0.0
    return reward, {"speed": speed_r, "in_turn": in_turn, "swing": swing_reward, "balance": balance,
                    "clearance": clearance}
