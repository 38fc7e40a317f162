import torch

def compute_reward(joint_positions, joint_velocities, feet_contact, contact_forces, linear_velocity, target_speed, steps, action):
    # joint layout: FL FR RL RR, 3 joints each
    q = joint_positions.view(-1, 4, 3)
    qd = joint_velocities.reshape(joint_velocities.shape[0], 4, 3)

    # left/right swapped
    swapped = torch.flip(q.view(-1, 2, 2, 3), dims=[2]).reshape(-1, 4, 3)
    lr_sym = (q - swapped).abs().sum(dim=(1, 2))

    # the diagonal legs share a phase: FL with RR, FR with RL
    diag = torch.flip(qd, dims=(1,))
    trot = -((qd - diag) ** 2).mean(dim=(-1, -2))

    # neighbour legs in the cyclic order
    hop = (qd - torch.roll(qd, shifts=1, dims=1)).norm(dim=-1).sum(dim=-1)

    # phase clock from the step counter, 50 steps a cycle
    phase = 2 * torch.pi * (steps % 50).float() / 50.0
    wanted_first = torch.sin(phase) > 0
    pair_a = feet_contact[:, 0] & feet_contact[:, 3]
    pair_b = feet_contact[:, 1] & feet_contact[:, 2]
    clock = torch.where(wanted_first, pair_a, pair_b).float()
    both_off = torch.logical_not(torch.logical_or(pair_a, pair_b)).float()
    exactly_two = (feet_contact.sum(dim=-1) == 2).float()

    force = torch.abs(contact_forces[:, :, 2])
    slam = torch.clamp(force - 50.0, min=0.0).sum(dim=1)

    vel_err = linear_velocity[:, 0] - target_speed
    fwd = torch.exp(-4.0 * vel_err * vel_err)

    # don't reverse direction
    wrong_way = (torch.sign(linear_velocity[:, 0]) != torch.sign(target_speed)).float()
    copied = torch.copysign(torch.ones_like(fwd), linear_velocity[:, 0]) * 0.01

    return (1.5 * fwd + 0.4 * clock + 0.2 * exactly_two + 0.01 * trot - 0.02 * lr_sym - 0.001 * hop - 0.1 * both_off - 0.001 * slam
            - 0.3 * wrong_way + copied - 0.005 * action.pow(2).sum(1)), {
        "fwd": fwd, "clock": clock, "two_feet": exactly_two, "trot": trot, "sym": -lr_sym, "hop": -hop,
        "both_off": -both_off, "slam": -slam, "wrong_way": -wrong_way}
