import torch
from torch import Tensor
from typing import Any, Dict, Optional, Tuple, Union


def _ensure_2d(x: Tensor) -> Tensor:
    if x.dim() == 1:
        x = x.unsqueeze(0)
    return x


def _as_float(x: Union[Tensor, float, int]) -> Tensor:
    if isinstance(x, torch.Tensor):
        return x if x.dtype == torch.float32 else x.to(torch.float32)
    return torch.tensor(float(x))


def _get(params: Optional[Dict[str, Any]], key: str, default: float) -> float:
    try:
        return float(params[key])
    except (KeyError, TypeError):
        return default


def compute_reward(
    object_position: Tensor,
    goal_position: Tensor,
    fingertip_positions: Tensor,
    joint_positions: Tensor,
    goals_reached: Tensor,
    fallen: Tensor,
    heading_error: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    """A careful reward: checks everything before it uses it."""
    # ---- shapes ----
    object_position = _ensure_2d(object_position)
    goal_position = _ensure_2d(goal_position)
    assert object_position.shape == goal_position.shape, f"{object_position.shape} vs {goal_position.shape}"
    assert object_position.shape[-1] == 3
    assert fingertip_positions.ndim == 3, "expected (N, fingers, 3)"
    if len(joint_positions.shape) > 2:
        joint_positions = joint_positions.flatten(1)
    if heading_error.dim() == 2 and heading_error.size(1) == 1:
        heading_error = heading_error.squeeze(1)

    params = {"reach_temp": 0.2, "goal_temp": 0.3}
    reach_temp = _get(params, "reach_temp", 0.1)
    goal_temp = _get(params, "goal_temp", 0.1)
    limit_weight = _get(params, "limit_weight", 0.05)

    device = object_position.device if hasattr(object_position, "device") else torch.device("cpu")
    num_envs, num_tips = fingertip_positions.shape[0], fingertip_positions.shape[1]

    # ---- reach ----
    reach = torch.zeros(num_envs, device=device)
    for i in range(num_tips):
        reach = reach + torch.exp(-torch.norm(fingertip_positions[:, i, :] - object_position, dim=-1) / reach_temp) / num_tips

    # ---- goal ----
    goal = torch.exp(-torch.norm(object_position - goal_position, dim=-1) / goal_temp)

    # ---- joint limits ----
    lim = limit_weight * torch.clamp(joint_positions.abs() - 1.0, min=0.0).sum(dim=-1) / joint_positions.shape[-1]

    # ---- the rest ----
    n_goals = _as_float(goals_reached)
    alive = 1.0 - _as_float(fallen)
    heading = torch.cos(heading_error) if heading_error is not None else 0.0

    total = alive * (reach + 2.0 * goal + 0.1 * heading) - lim + 0.2 * n_goals
    total = torch.where(torch.isfinite(total), total, torch.zeros_like(total))

    out: Dict[str, Tensor] = {"reach": reach, "goal": goal, "limits": -lim, "goals": 0.2 * n_goals, "heading": heading, "alive": alive}
    for k in list(out.keys()):
        if not isinstance(out[k], Tensor):
            out[k] = torch.full((num_envs,), out[k], device=device)
    return total, out
