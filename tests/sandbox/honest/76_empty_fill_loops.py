import torch

def compute_reward(joint_positions, joint_velocities, torques, action, last_action, fingertip_positions, object_position):
    n = joint_positions.size(0)
    n_joints = joint_positions.size(1)
    n_tips = fingertip_positions.size(1)

    limits = torch.empty(n_joints, device=joint_positions.device)
    limits[:] = 1.5
    limits[0::3] = 0.8

    # per joint costs
    cost = torch.empty_like(joint_positions)
    for j in range(n_joints):
        over = (joint_positions[:, j].abs() - limits[j]).clamp(min=0)
        cost[:, j] = 5.0 * over + 0.001 * joint_velocities[:, j] ** 2
        cost[:, j] += 0.0001 * torques[:, j].abs()

    # per finger rewards
    finger = torch.empty(n, n_tips, device=joint_positions.device)
    for i in range(fingertip_positions.shape[1]):
        dist = (fingertip_positions[:, i] - object_position).norm(dim=-1)
        finger[:, i] = torch.exp(-5 * dist)
    weights = torch.empty_like(finger).fill_(0.8)
    weights[:, 0] = 1.6          # thumb counts double

    rate = torch.empty(n, device=joint_positions.device)
    rate.copy_((action - last_action).square().sum(dim=1))
    rate.mul_(-0.01)

    joint_cost = -cost.sum(dim=1)
    finger_reward = (finger * weights).sum(1).div(n_tips)
    total = torch.empty(n, device=joint_positions.device)
    total[:] = joint_cost
    total.add_(finger_reward).add_(rate)
    return total, {"joint_cost": joint_cost, "finger_reward": finger_reward, "rate": rate}
