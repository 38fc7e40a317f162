def compute_reward(object_rotation, goal_rotation, object_position, goal_position, joint_velocities):
    # rotation matrices the long way
    def to_matrix(quat):
        w = quat[:, 0]; x = quat[:, 1]; y = quat[:, 2]; z = quat[:, 3]
        row0 = torch.stack([1 - 2*y*y - 2*z*z, 2*x*y - 2*z*w, 2*x*z + 2*y*w], dim=1)
        row1 = torch.stack([2*x*y + 2*z*w, 1 - 2*x*x - 2*z*z, 2*y*z - 2*x*w], dim=1)
        row2 = torch.stack([2*x*z - 2*y*w, 2*y*z + 2*x*w, 1 - 2*x*x - 2*y*y], dim=1)
        return torch.stack([row0, row1, row2], dim=1)

    R_obj = to_matrix(object_rotation)
    R_goal = to_matrix(goal_rotation)
    R_rel = torch.bmm(R_obj.transpose(1, 2), R_goal)
    trace = torch.diagonal(R_rel, dim1=-2, dim2=-1).sum(-1)
    angle = torch.acos(torch.clamp((trace - 1) / 2, -1 + 1e-6, 1 - 1e-6))

    # Frobenius distance as a second, smoother term
    eye = torch.eye(3, device=R_rel.device).unsqueeze(0)
    frob = torch.linalg.matrix_norm(R_rel - eye, ord='fro')

    orientation_reward = torch.exp(-1.5 * angle) - 0.1 * frob
    position_reward = torch.exp(-10 * torch.norm(object_position - goal_position, dim=1))
    velocity_penalty = 0.0005 * joint_velocities.square().sum(1)
    goal_bonus = 5.0 * (angle < math.radians(10)).float()

    total = orientation_reward + 0.5 * position_reward - velocity_penalty + goal_bonus
    return total, {
        "orientation_reward": orientation_reward,
        "position_reward": position_reward,
        "velocity_penalty": velocity_penalty,
        "goal_bonus": goal_bonus
    }
