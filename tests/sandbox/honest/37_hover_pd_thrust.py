import torch

KP = torch.tensor([[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 4.0]])
KD = 1.2
G_VEC = (0.0, 0.0, 9.81)


def compute_reward(position, goal_position, linear_velocity, angular_velocity, rotation, action):
    """Compare the thrust axis with the acceleration that a PD controller would ask for."""
    n = position.shape[0]
    device = position.device

    err = (goal_position - position).unsqueeze(-1)                 # (n, 3, 1)
    g = torch.tensor(G_VEC, device=device).view(1, 3, 1).expand(n, 3, 1)
    kp = KP.to(device).unsqueeze(0).expand(n, -1, -1)
    a_des = torch.baddbmm(g, kp, err).squeeze(-1) - KD * linear_velocity
    a_dir = a_des / a_des.norm(dim=-1, keepdim=True).clamp_min(1e-6)

    w, x, y, z = rotation.split(1, dim=-1)
    thrust_axis = torch.cat([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)], dim=-1)

    align = torch.sum(thrust_axis * a_dir, dim=-1)
    misalign_axis = torch.cross(thrust_axis, a_dir, dim=-1)
    # angular velocity should turn the thrust axis towards the desired one
    turning = torch.einsum("bi,bi->b", angular_velocity, misalign_axis)

    rotors = action[:, :4]
    mean_thrust = rotors.mean(dim=-1, keepdim=True)
    diff_thrust = (rotors - mean_thrust).abs().amax(dim=-1)

    dist = err.squeeze(-1).norm(dim=-1)
    hover = torch.exp(-1.5 * dist)
    yaw_rate = angular_velocity[:, -1].abs()

    reward = hover * (1.0 + align) + 0.1 * torch.tanh(turning) - 0.05 * diff_thrust - 0.02 * yaw_rate
    reward = torch.where((dist > 6.0) | (position[:, 2] < 0.05), torch.full_like(reward, -3.0), reward)
    return reward, {"hover": hover, "align": align, "turning": turning, "diff_thrust": diff_thrust,
                    "yaw_rate": yaw_rate}
