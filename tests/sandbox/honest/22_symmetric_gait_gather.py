import torch

# joint order: FL(hip, thigh, calf), FR(...), RL(...), RR(...)
MIRROR = [3, 4, 5, 0, 1, 2, 9, 10, 11, 6, 7, 8]
SIGN = [-1.0, 1.0, 1.0] * 4
HIPS = [0, 3, 6, 9]


def compute_reward(joint_positions, joint_velocities, action, linear_velocity, target_speed):
    device = joint_positions.device
    N = joint_positions.shape[0]

    idx = torch.tensor(MIRROR, dtype=torch.long, device=device)
    sign = torch.tensor(SIGN, device=device)

    mirrored = joint_positions.index_select(1, idx) * sign
    mirrored_vel = torch.gather(joint_velocities, 1, idx.unsqueeze(0).expand(N, -1)) * sign

    # left/right symmetric posture
    pos_asym = (joint_positions - mirrored).abs().mean(dim=1)
    vel_asym = (joint_velocities - mirrored_vel).abs().mean(dim=1)

    front, rear = action.chunk(2, dim=-1)
    action_asym = (front - rear).pow(2).mean(-1)

    hip = joint_positions[:, HIPS]
    hip_penalty = hip.square().sum(-1)

    fwd = torch.minimum(linear_velocity[:, 0], target_speed)

    reward = fwd - 0.2 * pos_asym - 0.01 * vel_asym - 0.05 * action_asym - 0.1 * hip_penalty
    return reward, {"fwd": fwd, "pos_asym": pos_asym, "vel_asym": vel_asym,
                    "action_asym": action_asym, "hip": hip_penalty}
