def compute_reward(fingertip_positions: Tensor, object_position: Tensor, goal_position: Tensor, linear_velocity: Tensor, action: Tensor, last_action: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    # thresholds
    near_th = 0.06
    grasp_th = 0.04
    lift_height = 0.15
    place_th = 0.03

    # distances
    ft_to_obj = torch.norm(fingertip_positions - object_position[:, None, :], dim=2)   # (N, 5)
    mean_d = ft_to_obj.mean(dim=1)
    max_d = ft_to_obj.max(dim=1)[0]
    obj_to_goal = (object_position - goal_position).norm(dim=1)
    obj_to_goal_xy = (object_position[:, :2] - goal_position[:, :2]).norm(dim=1)

    # stage gates (0./1.)
    is_near = (mean_d < near_th).float()
    is_grasped = is_near * (max_d < grasp_th * 2).float()
    is_lifted = is_grasped * (object_position[:, 2] > lift_height).float()
    is_over = is_lifted * (obj_to_goal_xy < 0.1).float()
    is_placed = (obj_to_goal < place_th).float()

    # per-stage shaped rewards
    r_reach = 1 - torch.tanh(5.0 * mean_d)
    r_grasp = is_near * (1 - torch.tanh(10.0 * max_d))
    r_lift = is_grasped * torch.clamp(object_position[:, 2] / lift_height, 0, 1)
    r_move = is_lifted * (1 - torch.tanh(3.0 * obj_to_goal))
    r_lower = is_over * torch.exp(-10 * (object_position[:, 2] - goal_position[:, 2]).abs())
    r_done = is_placed * 10.0

    smooth = -0.01 * (action - last_action).pow(2).sum(-1)

    reward = r_reach + 1.5 * r_grasp + 2 * r_lift + 4 * r_move + 4 * r_lower + r_done + smooth

    return reward, {
        'reach': r_reach, 'grasp': r_grasp, 'lift': r_lift, 'move': r_move,
        'lower': r_lower, 'placed': r_done, 'smooth': smooth,
        'stage': is_near + is_grasped + is_lifted + is_over + is_placed,
    }
