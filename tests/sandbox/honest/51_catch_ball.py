import torch

def compute_reward(object_position, goal_position, fingertip_positions, fallen, joint_velocities, steps):
    # Catching: the hand has to be under the falling ball and close around it.
    palm = torch.mean(fingertip_positions, axis=1)
    rel = object_position - palm
    horizontal = torch.hypot(rel[:, 0], rel[:, 1])
    vertical = rel[:, 2]

    # stay below the ball
    below = torch.sigmoid(vertical / 0.05)
    align_reward = below * torch.exp(-4.0 * horizontal)

    # caught: within 8 cm of the palm
    dist = torch.sqrt(torch.sum(rel * rel, dim=-1) + 1e-8)
    caught = dist < 0.08
    catch_reward = torch.zeros_like(dist)
    catch_reward[caught] = 5.0

    # ball dropped
    dropped = (object_position[:, 2] < 0.1) & ~caught
    drop_penalty = torch.zeros_like(dist)
    if dropped.any():
        drop_penalty[dropped] = -2.0

    # hold it near the goal
    hold_reward = caught * torch.exp(-3.0 * torch.norm(object_position - goal_position, dim=-1))

    vel_penalty = -0.001 * torch.sum(joint_velocities ** 2, dim=-1)
    fall_penalty = fallen * -10.0

    # survive a bit longer = a bit more reward
    alive = 0.01 * torch.log1p(steps.float())

    total = align_reward + catch_reward + drop_penalty + 2 * hold_reward + vel_penalty + fall_penalty + alive
    info = {"align": align_reward, "catch": catch_reward, "drop": drop_penalty, "hold": hold_reward,
            "vel": vel_penalty, "fall": fall_penalty, "alive": alive}
    return total, info
