import torch
from torch import Tensor
from typing import Tuple, Dict


def compute_reward(feet_contact: Tensor, linear_velocity: Tensor, target_speed: Tensor,
                   fallen: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    # feet: FL, FR, RL, RR
    fl, fr, rl, rr = feet_contact.unbind(dim=-1)

    diag_a = fl & rr & ~fr & ~rl
    diag_b = fr & rl & ~fl & ~rr
    trotting = diag_a | diag_b

    flight = ~(fl | fr | rl | rr)
    all_down = fl & fr & rl & rr

    n_contacts = feet_contact.sum(dim=-1)
    two_feet = (n_contacts == 2)

    trot_bonus = 1.0 * trotting.float() + 0.25 * (two_feet & ~trotting)
    flight_penalty = -0.5 * flight.float()
    # Standing on four feet is only bad if we are supposed to move
    stand_penalty = -0.3 * (all_down & (target_speed > 0.1)).float()

    vel_err = (linear_velocity[..., 0] - target_speed).abs()
    vel_reward = 1.5 * torch.exp(-2.0 * vel_err)

    alive = (~fallen).float()
    reward = alive * (trot_bonus + flight_penalty + stand_penalty + vel_reward) - 2.0 * fallen

    return reward, {
        "trot_bonus": trot_bonus,
        "flight_penalty": flight_penalty,
        "stand_penalty": stand_penalty,
        "vel_reward": vel_reward,
        "alive": alive,
    }
