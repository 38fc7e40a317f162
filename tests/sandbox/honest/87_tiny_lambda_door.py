import torch

compute_angle_bonus = lambda a, *ts: sum((a > t).int() for t in ts)

def compute_reward(door_angle, action):
    bonus = compute_angle_bonus(door_angle, 0.1, 0.5, 1.0)
    effort = torch.nn.functional.mse_loss(action, torch.zeros_like(action), reduction='none').sum(1)
    return door_angle + bonus - 0.01 * effort, {'angle': door_angle, 'bonus': bonus, 'effort': effort, 'effort_weight': -0.01}
