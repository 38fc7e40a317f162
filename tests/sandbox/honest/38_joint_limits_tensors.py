import torch

lower = torch.tensor([-0.8, -1.0, -2.6] * 4)
upper = torch.tensor([0.8, 2.5, -0.8] * 4)


def compute_reward(joint_positions, joint_velocities, torques, linear_velocity):
    lo = lower.to(joint_positions.device)
    hi = upper.to(joint_positions.device)
    mid = 0.5 * (lo + hi)
    half = 0.5 * (hi - lo)

    clipped = torch.clamp(joint_positions, lo, hi)
    violation = torch.linalg.norm(joint_positions - clipped, ord=1, dim=-1)

    normalized = (joint_positions - mid) / half
    margin = torch.maximum(normalized.abs() - 0.8, torch.zeros_like(normalized)).square().sum(-1)
    n_at_limit = torch.count_nonzero(normalized.abs() > 0.95, dim=-1)

    # distal joints may move faster
    vmax = torch.linspace(8.0, 20.0, 12, device=joint_positions.device)
    overspeed = (joint_velocities.abs() - vmax).clip(min=0).sum(-1)
    order = torch.arange(12, device=joint_positions.device, dtype=torch.float32)
    w = 1.0 / (1.0 + order % 3)
    torque_cost = (w * torques ** 2).sum(-1)

    forward = linear_velocity[:, 0].clamp(-1.0, 3.0)
    total = forward - 0.5 * violation - 0.2 * margin - 0.05 * n_at_limit - 0.01 * overspeed - 2e-5 * torque_cost
    return total, {
        "forward": forward,
        "violation": -0.5 * violation,
        "margin": -0.2 * margin,
        "n_at_limit": -0.05 * n_at_limit,
        "overspeed": -0.01 * overspeed,
        "torque_cost": -2e-5 * torque_cost,
    }
