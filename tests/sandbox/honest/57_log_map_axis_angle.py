import torch
import torch.nn.functional as F

def quat_conjugate(q):
    return torch.cat([q[..., :1], -q[..., 1:]], dim=-1)

def quat_mul(a, b):
    aw, ax, ay, az = a.unbind(-1)
    bw, bx, by, bz = b.unbind(-1)
    return torch.stack([
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw], dim=-1)

def quat_log(q, eps=1e-6):
    """SO(3) log map: unit quaternion -> axis-angle (N, 3)."""
    q = torch.where(q[..., :1] < 0, -q, q)          # shorter way round
    v = q[..., 1:]
    s = v.norm(dim=-1, keepdim=True)
    angle = 2.0 * torch.atan2(s, q[..., :1])
    small = s < eps
    k = torch.where(small, torch.full_like(s, 2.0), angle / s.clamp(min=eps))
    return k * v

def compute_reward(object_rotation, goal_rotation, angular_velocity, action, last_action):
    q_err = quat_mul(F.normalize(goal_rotation, dim=-1), quat_conjugate(F.normalize(object_rotation, dim=-1)))
    err = quat_log(q_err)
    theta = err.norm(dim=-1)
    axis = err / (theta[:, None] + 1e-6)

    # how fast the object turns about the very axis that takes it to the goal
    closing = (angular_velocity * axis).sum(-1)
    r_close = torch.tanh(closing) * torch.tanh(theta)

    # per-axis errors, the yaw being the most important
    per_axis = err.abs() * err.new_tensor([0.5, 0.5, 1.0])
    r_axis = -per_axis.sum(-1)

    r_track = 1.0 / (theta + 0.1)
    r_rate = -F.mse_loss(action, last_action, reduction='none').mean(-1)
    r_success = torch.where(theta <= 0.1, 250.0, 0.0)

    rew = r_track + 0.3 * r_axis + 0.5 * r_close + 0.1 * r_rate + r_success
    return rew, {"track": r_track, "axis": r_axis, "close": r_close, "rate": r_rate, "success": r_success}
