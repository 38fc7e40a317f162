def compute_reward(position, goal_position):
    return -(position - goal_position).norm(dim=-1), {}
