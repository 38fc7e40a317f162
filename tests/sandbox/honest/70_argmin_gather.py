import torch
from typing import Tuple, Dict

def compute_reward(fingertip_positions, object_position, goal_position, contact_forces, action):
    # which finger is nearest?
    dists = torch.norm(fingertip_positions - object_position.unsqueeze(1), dim=-1)
    nearest_idx = torch.argmin(dists, dim=1)
    nearest_dist = dists.gather(1, nearest_idx.unsqueeze(1)).squeeze(1)

    # position of that finger
    idx3 = nearest_idx.view(-1, 1, 1).expand(-1, 1, 3)
    nearest_tip = torch.gather(fingertip_positions, 1, idx3).squeeze(1)

    # push direction: the nearest finger should be behind the object, seen from the goal
    to_goal = goal_position - object_position
    to_goal = to_goal / (torch.norm(to_goal, dim=-1, keepdim=True) + 1e-6)
    behind = ((object_position - nearest_tip) * to_goal).sum(dim=-1)

    # farthest finger, with take_along_dim
    far_idx = torch.argmax(dists, dim=1, keepdim=True)
    farthest = torch.take_along_dim(dists, far_idx, dim=1)[:, 0]

    # the strongest contact
    mags = contact_forces.norm(dim=-1)
    strongest = mags.gather(-1, mags.argmax(dim=-1, keepdim=True)).flatten()

    reach_reward = torch.exp(-6.0 * nearest_dist)
    push_reward = torch.clamp(behind, -0.1, 0.1) * 5
    goal_reward = 1.0 / (1.0 + 10.0 * torch.norm(goal_position - object_position, dim=-1))
    spread_penalty = -0.1 * (farthest - nearest_dist)
    force_penalty = -0.001 * torch.relu(strongest - 1.0)
    thumb_bonus = 0.05 * (nearest_idx == 0)      # we like pushing with the thumb

    total = reach_reward + push_reward + 2.0 * goal_reward + spread_penalty + force_penalty + thumb_bonus - 0.001 * action.norm(dim=-1)
    return total, {"reach_reward": reach_reward, "push_reward": push_reward, "goal_reward": goal_reward,
                   "spread_penalty": spread_penalty, "force_penalty": force_penalty, "thumb_bonus": thumb_bonus}
