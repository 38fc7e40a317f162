import math

import torch

_DEFAULT_VALUE_AT_MARGIN = 0.1


def _sigmoids(x, value_at_1, sigmoid):
    """Returns 1 when `x` == 0, between 0 and 1 otherwise (ported from dm_control.utils.rewards)."""
    if sigmoid in ('cosine', 'linear', 'quadratic'):
        if not 0 <= value_at_1 < 1:
            raise ValueError('`value_at_1` must be nonnegative and smaller than 1, got {}.'.format(value_at_1))
    else:
        if not 0 < value_at_1 < 1:
            raise ValueError('`value_at_1` must be strictly between 0 and 1, got {}.'.format(value_at_1))

    if sigmoid == 'gaussian':
        scale = math.sqrt(-2 * math.log(value_at_1))
        return torch.exp(-0.5 * (x * scale) ** 2)
    elif sigmoid == 'hyperbolic':
        scale = math.acosh(1 / value_at_1)
        return 1 / torch.cosh(x * scale)
    elif sigmoid == 'long_tail':
        scale = math.sqrt(1 / value_at_1 - 1)
        return 1 / ((x * scale) ** 2 + 1)
    elif sigmoid == 'reciprocal':
        scale = 1 / value_at_1 - 1
        return 1 / (abs(x) * scale + 1)
    elif sigmoid == 'cosine':
        scale = math.acos(2 * value_at_1 - 1) / math.pi
        scaled_x = x * scale
        return torch.where(abs(scaled_x) < 1, (1 + torch.cos(math.pi * scaled_x)) / 2, torch.zeros_like(x))
    elif sigmoid == 'linear':
        scale = 1 - value_at_1
        scaled_x = x * scale
        return torch.where(abs(scaled_x) < 1, 1 - scaled_x, torch.zeros_like(x))
    elif sigmoid == 'quadratic':
        scale = math.sqrt(1 - value_at_1)
        scaled_x = x * scale
        return torch.where(abs(scaled_x) < 1, 1 - scaled_x ** 2, torch.zeros_like(x))
    elif sigmoid == 'tanh_squared':
        scale = math.atanh(math.sqrt(1 - value_at_1))
        return 1 - torch.tanh(x * scale) ** 2
    else:
        raise ValueError('Unknown sigmoid type {!r}.'.format(sigmoid))


def tolerance(x, bounds=(0.0, 0.0), margin=0.0, sigmoid='gaussian', value_at_margin=_DEFAULT_VALUE_AT_MARGIN):
    lower, upper = bounds
    if lower > upper:
        raise ValueError('Lower bound must be <= upper bound.')
    if margin < 0:
        raise ValueError('`margin` must be non-negative.')

    in_bounds = torch.logical_and(lower <= x, x <= upper)
    if margin == 0:
        value = torch.where(in_bounds, 1.0, 0.0)
    else:
        d = torch.where(x < lower, lower - x, x - upper) / margin
        value = torch.where(in_bounds, torch.ones_like(x), _sigmoids(d, value_at_margin, sigmoid))
    return value


def compute_reward(fingertip_positions, goal_position, action, joint_velocities, height):
    to_target = torch.linalg.norm(fingertip_positions[:, 0] - goal_position, dim=-1)
    reach = tolerance(to_target, bounds=(0, 0.02), margin=0.4, sigmoid='long_tail')

    precise = tolerance(to_target, bounds=(0, 0.005))

    small_control = tolerance(action, margin=1, value_at_margin=0, sigmoid='quadratic').mean(dim=-1)
    small_control = (4 + small_control) / 5

    slow = tolerance(joint_velocities.abs().max(dim=-1).values, bounds=(0, 2.0), margin=5.0, sigmoid='linear', value_at_margin=0.0)

    upright = tolerance(height, bounds=(0.45, float('inf')), margin=0.45 / 4, sigmoid='hyperbolic')

    total = (reach + 0.25 * precise) * small_control * (1 + slow) / 2 * (0.5 + 0.5 * upright)
    return total, dict(reach=reach, precise=precise, small_control=small_control, slow=slow, upright=upright)
