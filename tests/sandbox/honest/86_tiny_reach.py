def compute_reward(fingertip_positions, goal_position):
    d = (fingertip_positions - goal_position[:, None]).norm(dim=-1).amin(-1)
    return -d + 5.0 * (d < 0.02), {"distance": -d}
