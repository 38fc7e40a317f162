# Velocity tracking in the manner of legged_gym
SCALES = {
    "tracking_lin_vel": 1.0,
    "lin_vel_z": -2.0,
    "ang_vel_xy": -0.05,
    "orientation": -1.0,
    "torques": -1e-5,
    "action_rate": -0.01,
    "base_height": -5.0,
}
TRACKING_SIGMA = 0.25
BASE_HEIGHT_TARGET = 0.34


def quat_rotate_inverse(q, v):
    q_w = q[:, 0]
    q_vec = q[:, 1:]
    a = v * (2.0 * q_w ** 2 - 1.0).unsqueeze(-1)
    b = torch.cross(q_vec, v, dim=-1) * q_w.unsqueeze(-1) * 2.0
    c = q_vec * torch.bmm(q_vec.view(-1, 1, 3), v.reshape(-1, 3, 1)).squeeze(-1) * 2.0
    return a - b + c


def compute_reward(rotation, linear_velocity, angular_velocity, target_speed, torques,
                   action, last_action, height):
    gravity = torch.tensor([0.0, 0.0, -1.0], device=rotation.device).repeat(rotation.shape[0], 1)
    projected_gravity = quat_rotate_inverse(rotation, gravity)
    base_lin_vel = quat_rotate_inverse(rotation, linear_velocity)
    base_ang_vel = quat_rotate_inverse(rotation, angular_velocity)

    commands = torch.zeros(rotation.shape[0], 2, device=rotation.device)
    commands[:, 0] = target_speed

    raw = {}
    lin_vel_error = torch.sum(torch.square(commands[:, :2] - base_lin_vel[:, :2]), dim=1)
    raw["tracking_lin_vel"] = torch.exp(-lin_vel_error / TRACKING_SIGMA)
    raw["lin_vel_z"] = torch.square(base_lin_vel[:, 2])
    raw["ang_vel_xy"] = torch.sum(torch.square(base_ang_vel[:, :2]), dim=1)
    raw["orientation"] = torch.sum(torch.square(projected_gravity[:, :2]), dim=1)
    raw["torques"] = torch.sum(torch.square(torques), dim=1)
    raw["action_rate"] = torch.sum(torch.square(last_action - action), dim=1)
    raw["base_height"] = torch.square(height - BASE_HEIGHT_TARGET)

    reward = torch.zeros(rotation.shape[0], device=rotation.device)
    components = {}
    for name, scale in SCALES.items():
        rew = raw[name] * scale
        reward += rew
        components[name] = rew
    return reward, components
