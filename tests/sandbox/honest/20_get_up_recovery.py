"""Get up from the floor, then stand still."""
import torch

STAND_HEIGHT = 0.62
LIE_HEIGHT = 0.12


def compute_reward(height, rotation, linear_velocity, joint_positions, joint_velocities, fallen, feet_contact):
    up = 1 - 2 * (rotation[:, 1] ** 2 + rotation[:, 2] ** 2)

    # stage 1: get belly down / upright in orientation
    stage1 = 0.5 * (up + 1.0)

    # stage 2: raise the torso, counts only if roughly upright
    frac = ((height - LIE_HEIGHT) / (STAND_HEIGHT - LIE_HEIGHT)).clamp(0.0, 1.0)
    upright_mask = up > 0.7
    stage2 = frac * upright_mask

    # stage 3: stand still in nominal pose
    standing = upright_mask & (frac > 0.9) & feet_contact.all(dim=-1)
    pose_err = joint_positions.square().mean(dim=-1)
    stillness = torch.exp(-linear_velocity.norm(dim=-1)) * torch.exp(-0.1 * joint_velocities.norm(dim=-1))
    stage3 = standing.float() * (1.0 + stillness - 0.2 * pose_err)

    stages_done = (stage1 > 0.8).long() + (stage2 > 0.8).long() + standing.long()

    total = stage1 + 2.0 * stage2 + 4.0 * stage3 + 0.1 * stages_done
    total = total - 0.5 * fallen.to(total.dtype)
    return total, {
        "stage1_orient": stage1,
        "stage2_raise": stage2,
        "stage3_stand": stage3,
        "stages_done": stages_done.float(),
        "fallen": fallen.float(),
    }
