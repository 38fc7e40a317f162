import torch


def quaternion_to_matrix(quat: torch.Tensor) -> torch.Tensor:
    """Convert (N, 4) wxyz quaternions to (N, 3, 3) rotation matrices."""
    quat = quat / torch.norm(quat, dim=-1, keepdim=True).clamp(min=1e-8)
    w, x, y, z = torch.unbind(quat, -1)
    two_s = 2.0 / (quat * quat).sum(-1)
    o = torch.stack(
        (
            1 - two_s * (y * y + z * z),
            two_s * (x * y - z * w),
            two_s * (x * z + y * w),
            two_s * (x * y + z * w),
            1 - two_s * (x * x + z * z),
            two_s * (y * z - x * w),
            two_s * (x * z - y * w),
            two_s * (y * z + x * w),
            1 - two_s * (x * x + y * y),
        ),
        -1,
    )
    return o.reshape(quat.shape[:-1] + (3, 3))


def compute_reward(rotation, angular_velocity, linear_velocity, action):
    R = quaternion_to_matrix(rotation)

    # World-frame up vector of the body is the third column
    up_axis = R[:, :, 2]
    world_up = torch.tensor([0.0, 0.0, 1.0], dtype=R.dtype, device=R.device)
    tilt_cos = (up_axis * world_up).sum(dim=-1)
    tilt = torch.acos(torch.clamp(tilt_cos, -1.0 + 1e-6, 1.0 - 1e-6))

    # body-frame velocities
    v_body = torch.bmm(R.transpose(1, 2), linear_velocity.unsqueeze(-1)).squeeze(-1)
    w_body = (R.mT @ angular_velocity[:, :, None])[:, :, 0]

    upright = torch.exp(-(tilt ** 2) / 0.1)
    still = torch.exp(-v_body.norm(dim=-1))
    calm = torch.exp(-0.5 * w_body[:, :2].norm(p=2, dim=-1))
    effort = 0.01 * action.pow(2).mean(dim=-1)

    # Multiplicative shaping: standing still only matters if we are upright
    reward = upright * (1.0 + 0.5 * still + 0.5 * calm) - effort
    return reward, {"upright": upright, "still": still, "calm": calm, "effort": -effort}
