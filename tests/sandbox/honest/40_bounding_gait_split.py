import torch
import torch.nn.functional as F


def compute_reward(feet_contact, contact_forces, joint_positions, linear_velocity, angular_velocity, target_speed):
    front, rear = torch.split(feet_contact, 2, dim=1)
    front_sync = front[:, 0] == front[:, 1]
    rear_sync = rear[:, 0].eq(rear[:, 1])
    anti = front.all(dim=1) != rear.all(dim=1)
    sync = 0.5 * (front_sync.float() + rear_sync.float())

    ff, rf = contact_forces.split([2, 2], dim=1)
    front_load = ff[..., 2].sum(-1)
    rear_load = rf[..., 2].sum(-1)
    alternate = torch.tanh((front_load - rear_load).abs() / 100.0)

    legs = joint_positions.unflatten(1, (4, 3))
    fl, fr, rl, rr = legs.unbind(1)
    pair_err = F.l1_loss(fl, fr, reduction="none").sum(-1) + F.l1_loss(rl, rr, reduction="none").sum(-1)

    roll_rate = angular_velocity[:, 0].square()
    yaw_rate = angular_velocity[:, 2].square()

    vx = linear_velocity[:, 0]
    vel = 1.0 - torch.tanh(2.0 * F.smooth_l1_loss(vx, target_speed, reduction='none', beta=0.5))

    reward = 2.0 * vel + 0.5 * sync + 0.25 * anti + 0.25 * alternate
    reward -= 0.1 * pair_err
    reward -= 0.05 * roll_rate + 0.05 * yaw_rate
    del ff, rf
    return reward, {"vel": vel, "sync": sync, "anti": anti.float(), "alternate": alternate, "pair_err": pair_err}
