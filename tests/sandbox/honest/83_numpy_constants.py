import numpy as np
import torch

# default pose and PD gains (numpy, constants only)
DEFAULT_POSE = np.array([0.0, 0.9, -1.8] * 4, dtype=np.float32)
JOINT_WEIGHT = np.linspace(1.0, 0.5, 12)
JOINT_WEIGHT /= JOINT_WEIGHT.sum()
MAX_ANGLE = np.deg2rad(25.0)

def compute_reward(joint_positions, joint_velocities, action, last_action, door_angle, rotation, fingertip_positions, goal_position):
    pose = torch.from_numpy(DEFAULT_POSE).to(joint_positions.device)
    weight = torch.as_tensor(JOINT_WEIGHT, dtype=torch.float32, device=joint_positions.device)

    pose_err = (weight * (joint_positions - pose) ** 2).sum(dim=-1)
    pose_reward = torch.exp(-pose_err / np.sqrt(2.0))

    # tilt from the quaternion
    roll = torch.atan2(2 * (rotation[:, 0] * rotation[:, 1] + rotation[:, 2] * rotation[:, 3]),
                       1 - 2 * (rotation[:, 1] ** 2 + rotation[:, 2] ** 2))
    pitch = torch.asin(torch.clamp(2 * (rotation[:, 0] * rotation[:, 2] - rotation[:, 3] * rotation[:, 1]), -1, 1))
    tilt_penalty = torch.relu(torch.abs(roll) - float(MAX_ANGLE)) + torch.relu(torch.abs(pitch) - float(MAX_ANGLE))

    # door
    door_reward = torch.clamp(door_angle / (np.pi / 2), 0.0, 1.0)
    handle = torch.linalg.norm(fingertip_positions[:, 0] - goal_position, dim=-1)
    handle_reward = torch.exp(-handle * np.log(2) / 0.1)      # halves every 10 cm

    jerk = torch.mean(torch.abs(action - last_action), dim=-1)
    limits = {"lo": torch.tensor(np.full(12, -2.0), dtype=torch.float32), "hi": torch.tensor(np.full(12, 2.0), dtype=torch.float32)}
    outside = ((joint_positions < limits["lo"].to(action.device)) | (joint_positions > limits["hi"].to(action.device))).float().mean(dim=1)

    total = 0.3 * pose_reward - 0.5 * tilt_penalty + 3.0 * door_reward + handle_reward - 0.05 * jerk - outside - 1e-4 * (joint_velocities ** 2).sum(1)
    return total, {
        "pose": pose_reward, "tilt": -tilt_penalty, "door": door_reward, "handle": handle_reward,
        "jerk": -jerk, "outside": -outside, "max_angle": float(MAX_ANGLE),
    }
