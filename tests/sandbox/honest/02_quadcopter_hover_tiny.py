def compute_reward(position: Tensor, goal_position: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    d = torch.norm(position - goal_position, dim=-1)
    r = 1.0 / (1.0 + d * d)
    return r, {"hover": r}
