import torch


def compute_reward(joint_positions, joint_velocities, contact_forces, body_positions, linear_velocity, action):
    hips = joint_positions[:, ::3]
    thighs = joint_positions[..., 1::3]
    calves = joint_positions[:, [2, 5, 8, 11]]
    knees_vel = joint_velocities[:, 2::3]

    # add dims with None
    mean_thigh = thighs.mean(-1)[:, None]
    thigh_dev = (thighs - mean_thigh).abs().sum(-1)
    calf_target = torch.tensor([-1.5, -1.5, -1.4, -1.4], device=calves.device)[None, :]
    calf_dev = ((calves - calf_target) ** 2).mean(1)

    vertical = contact_forces[:, :, -1]
    lateral = contact_forces[..., :2]
    lateral_total = lateral.reshape(lateral.shape[0], -1).pow(2).sum(1).sqrt()
    diagonal = vertical[:, [0, 3]].sum(1) - vertical[:, [1, 2]].sum(1)

    last_link = body_positions[:, -1, :]
    others = body_positions[:, :-1]
    reach = torch.norm(others - last_link[:, None, :], dim=2).min(dim=1)[0]

    a = action.clone()
    a[:, 0::3] = 0                   # hips are free
    effort = a.flatten(1).norm(dim=1)

    rolled = torch.roll(knees_vel, shifts=1, dims=1)
    beat = (knees_vel * rolled).sum(-1)
    flipped = torch.flip(thighs, dims=[-1])
    palindrome = (thighs - flipped).abs().max(dim=-1)[0]

    reward = (
        linear_velocity[:, 0]
        - 0.1 * hips.pow(2).sum(-1)
        - 0.1 * thigh_dev
        - 0.1 * calf_dev
        - 0.001 * lateral_total
        - 0.0005 * diagonal.abs()
        + 0.05 * reach
        - 0.02 * effort
        - 0.001 * beat
        - 0.01 * palindrome
    )
    components = {}
    components["hips"] = -0.1 * hips.pow(2).sum(-1)
    components["thigh_dev"] = -0.1 * thigh_dev
    components["calf_dev"] = -0.1 * calf_dev
    components["lateral_force"] = -0.001 * lateral_total
    components["diagonal"] = diagonal.abs().mul(-0.0005)
    components["reach"] = 0.05 * reach
    components["effort"] = -0.02 * effort
    return reward, components
