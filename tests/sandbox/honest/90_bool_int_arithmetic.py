import torch
from torch import Tensor

def compute_reward(feet_contact: Tensor, fallen: Tensor, steps: Tensor, goals_reached: Tensor, height: Tensor, position: Tensor, goal_position: Tensor, contact_forces: Tensor, joint_positions: Tensor) -> tuple[torch.Tensor, dict]:
    n_feet = feet_contact.sum(dim=-1)
    stand = torch.where(n_feet == 4, 1.0, torch.where(n_feet >= 2, 0.5, 0.0))

    alive = (~fallen).float()
    alive_bonus = alive * 0.5 + fallen * -10.0

    # every 100th step pays a small bonus, if it has not fallen by then
    milestone = ((steps % 100 == 0) & (steps > 0) & ~fallen).int() * 2
    quick = (goals_reached * 100 > steps).bool() & (goals_reached > 0)
    per_goal = goals_reached.long() // 2

    ok = torch.stack([height > 0.2, height < 0.9, ~fallen, n_feet.bool()], dim=-1)
    all_ok = torch.all(ok, dim=-1)
    some = torch.any(ok[..., :2], dim=-1) ^ all_ok
    score = torch.count_nonzero(ok, dim=-1)

    # contact flag against the measured force
    agree = (contact_forces.norm(dim=-1) > 1.0).eq(feet_contact)
    agreement = agree.to(torch.float32).mean(dim=-1)

    in_limits = torch.prod((joint_positions.abs() < 2.0).float(), dim=-1)
    dist = torch.linalg.norm(goal_position - position, dim=-1)
    arrive = torch.heaviside(0.3 - dist, torch.tensor(0.5))

    total = stand + alive_bonus + 0.1 * milestone + 0.3 * quick + 0.1 * per_goal + 0.2 * score + 0.05 * some
    total = total + agreement * 0.1 + in_limits * 0.2 + arrive - 0.1 * dist
    total *= torch.where(all_ok, 1.0, 0.5)
    return total, {"stand": stand, "alive": alive_bonus, "milestone": milestone, "quick": quick, "per_goal": per_goal,
                   "score": score, "agreement": agreement, "in_limits": in_limits, "arrive": arrive, "target_height": torch.tensor(0.55)}
