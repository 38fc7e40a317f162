"""IsaacGymEnvs' hand reward (isaacgymenvs/tasks/allegro_hand.py, compute_hand_reward), same constants, wxyz."""

import torch


def rotation_distance(a, b):
    """(N,) rad between unit quaternions wxyz, as IsaacGymEnvs computes it."""
    aw, ax, ay, az = a.unbind(-1)
    bw, bx, by, bz = b.unbind(-1)
    # vector part of a times the conjugate of b
    x = -aw * bx + ax * bw - ay * bz + az * by
    y = -aw * by + ax * bz + ay * bw - az * bx
    z = -aw * bz - ax * by + ay * bx + az * bw
    return 2.0 * torch.asin(torch.clamp(torch.sqrt(x * x + y * y + z * z), max=1.0))


def compute_reward(object_position, object_rotation, goal_position, goal_rotation, action, success_angle):
    distance = torch.norm(object_position - goal_position, dim=-1)
    angle = rotation_distance(object_rotation, goal_rotation)
    near = -10.0 * distance
    aligned = 1.0 / (torch.abs(angle) + 0.1)
    effort = -0.0002 * torch.sum(action * action, dim=-1)
    reached = 250.0 * (torch.abs(angle) <= success_angle).float()
    total = near + aligned + effort + reached
    return total, {"near": near, "aligned": aligned, "effort": effort, "reached": reached}
