def compute_reward(
    linear_velocity: Tensor,
    angular_velocity: Tensor,
    rotation: Tensor,
    target_speed: Tensor,
    heading_error: Tensor,
    joint_positions: Tensor,
    joint_velocities: Tensor,
    torques: Tensor,
    action: Tensor,
    last_action: Tensor,
    contact_forces: Tensor,
    feet_contact: Tensor,
    height: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    """Velocity tracking for a quadruped (legged_gym-style shaping)."""

    # --- constants ---
    TRACKING_SIGMA = 0.25
    HEADING_SIGMA = 0.20
    BASE_HEIGHT = 0.34
    MAX_CONTACT = 100.0

    # --- body frame velocity ---
    w = rotation[:, 0]
    xyz = rotation[:, 1:4]
    t = 2.0 * torch.cross(xyz, linear_velocity, dim=-1)
    v_body = linear_velocity - w.unsqueeze(-1) * t + torch.cross(xyz, t, dim=-1)

    # --- tracking ---
    speed_err = torch.square(target_speed - v_body[:, 0]) + torch.square(v_body[:, 1])
    tracking_lin = 1.5 * torch.exp(-speed_err / TRACKING_SIGMA)
    tracking_heading = 0.5 * torch.exp(-torch.square(heading_error) / HEADING_SIGMA)

    # --- stability ---
    lin_vel_z = -2.0 * torch.square(v_body[:, 2])
    ang_vel_xy = -0.05 * torch.sum(torch.square(angular_velocity[:, :2]), dim=1)

    # projected gravity
    x, y, z = xyz[:, 0], xyz[:, 1], xyz[:, 2]
    grav_x = -2.0 * (x * z - w * y)
    grav_y = -2.0 * (y * z + w * x)
    orientation = -1.0 * (grav_x.square() + grav_y.square())

    base_height = -5.0 * torch.square(height - BASE_HEIGHT)

    # --- effort ---
    torque_pen = -2e-4 * torch.sum(torch.square(torques), dim=1)
    dof_vel = -1e-3 * torch.sum(torch.square(joint_velocities), dim=1)
    action_rate = -0.01 * torch.sum(torch.square(last_action - action), dim=1)

    # --- feet ---
    force_norm = torch.norm(contact_forces, dim=-1)
    contact_pen = -0.005 * torch.sum((force_norm - MAX_CONTACT).clip(min=0.0), dim=1)
    stumble = -0.5 * torch.any(
        torch.norm(contact_forces[:, :, :2], dim=2) > 5.0 * torch.abs(contact_forces[:, :, 2]), dim=1
    ).float()

    # encourage a trot: diagonal pairs agree (FL-RR, FR-RL)
    diag_1 = (feet_contact[:, 0] == feet_contact[:, 3]).float()
    diag_2 = (feet_contact[:, 1] == feet_contact[:, 2]).float()
    moving = (target_speed.abs() > 0.1).float()
    gait = 0.2 * (diag_1 + diag_2) * moving

    stand_still = -0.1 * torch.sum(torch.abs(joint_positions), dim=1) * (1.0 - moving)

    rewards = {
        "tracking_lin": tracking_lin,
        "tracking_heading": tracking_heading,
        "lin_vel_z": lin_vel_z,
        "ang_vel_xy": ang_vel_xy,
        "orientation": orientation,
        "base_height": base_height,
        "torque_pen": torque_pen,
        "dof_vel": dof_vel,
        "action_rate": action_rate,
        "contact_pen": contact_pen,
        "stumble": stumble,
        "gait": gait,
        "stand_still": stand_still,
    }
    total = torch.stack(list(rewards.values()), dim=0).sum(dim=0)
    return total, rewards
