import math
import torch

GAIT_PERIOD = 40          # control steps
PHASE_OFFSETS = [0.0, 0.5, 0.5, 0.0]   # FL FR RL RR
DUTY = 0.6


def compute_reward(steps, feet_contact, contact_forces, linear_velocity, target_speed, goals_reached):
    phase = (steps % GAIT_PERIOD) / GAIT_PERIOD                      # (N,) in [0, 1)
    cycle = steps // GAIT_PERIOD

    offsets = torch.tensor(PHASE_OFFSETS, device=steps.device)
    foot_phase = torch.remainder(phase.unsqueeze(1) + offsets, 1.0)   # (N, 4)

    desired_stance = foot_phase < DUTY
    match = desired_stance == feet_contact
    gait = match.float().mean(dim=1)

    # soft version on the vertical force
    swing_weight = 0.5 * (1.0 - torch.cos(2.0 * math.pi * foot_phase))
    fz = contact_forces[:, :, 2].clamp(min=0.0)
    swing_force = (swing_weight * (~desired_stance) * fz).sum(1) / 200.0
    swing_penalty = -torch.tanh(swing_force)

    vel = torch.exp(-((linear_velocity[:, 0] - target_speed) / 0.4) ** 2)

    even_cycle_bonus = 0.05 * (cycle % 2 == 0)
    survival = steps / 500.0
    goal_bonus = goals_reached * 0.5

    reward = 1.0 * vel + 0.6 * gait + 0.3 * swing_penalty + even_cycle_bonus + 0.1 * survival + goal_bonus
    return reward, {
        "vel": vel,
        "gait": gait,
        "swing_penalty": swing_penalty,
        "even_cycle_bonus": even_cycle_bonus,
        "survival": survival,
        "goal_bonus": goal_bonus,
    }
