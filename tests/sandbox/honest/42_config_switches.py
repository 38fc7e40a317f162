import torch

cfg = {
    "use_energy": True,
    "use_gait": True,
    "use_symmetry": False,
    "only_positive": True,
    "norm": "l2",
    "speed_sigma": 0.25,
    "gait_pairs": [(0, 3), (1, 2)],
    "debug": False,
}


def action_norm(x, kind):
    if kind == "l2":
        return x.pow(2).sum(-1).sqrt()
    elif kind == "l1":
        return x.abs().sum(-1)
    else:
        raise ValueError(kind)


def compute_reward(linear_velocity, target_speed, torques, joint_velocities, feet_contact, joint_positions, action):
    rewards = {}
    rewards["speed"] = torch.exp(-(linear_velocity[:, 0] - target_speed) ** 2 / cfg["speed_sigma"])
    rewards["action"] = -0.01 * action_norm(action, cfg["norm"])

    if cfg["use_energy"]:
        rewards["energy"] = -0.0002 * torch.abs(torques * joint_velocities).sum(dim=-1)

    if cfg["use_gait"]:
        gait = torch.zeros(linear_velocity.shape[0], device=linear_velocity.device)
        for a, b in cfg["gait_pairs"]:
            gait += (feet_contact[:, a] == feet_contact[:, b]).float()
        rewards["gait"] = 0.2 * gait / len(cfg["gait_pairs"])

    if cfg.get("use_symmetry", False):
        rewards["symmetry"] = -0.1 * (joint_positions[:, :6] - joint_positions[:, 6:]).norm(dim=-1)

    total = torch.stack(list(rewards.values()), dim=-1).sum(dim=-1)
    if cfg["only_positive"]:
        total = total.clamp(min=0.0)
    if cfg["debug"]:
        print("total", total.shape, {k: v.shape for k, v in rewards.items()})
    return total, rewards
