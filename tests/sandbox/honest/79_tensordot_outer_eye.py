import math
import torch
from torch import Tensor

def compute_reward(joint_positions: Tensor, joint_velocities: Tensor, object_position: Tensor, goal_position: Tensor, linear_velocity: Tensor, rotation: Tensor):
    dev = joint_positions.device
    # synergy matrix: 12 joints -> 3 synergies
    base = torch.tensor([1.0, 0.7, 0.4, 0.1], device=dev)
    synergies = torch.stack([torch.roll(torch.kron(base, torch.tensor([1.0, 0.0, 0.0], device=dev)), i) for i in range(3)])  # (3, 12)
    activation = torch.tensordot(joint_positions, synergies, dims=([1], [1]))            # (N, 3)
    target = torch.tensor([0.0, 1.2, -2.0], device=dev)
    syn_err = torch.inner(activation - target, torch.ones(3, device=dev) / 3)

    # Mahalanobis distance with a fixed metric
    u = torch.tensor([1.0, 0.0, 1.0], device=dev) / math.sqrt(2)
    metric = torch.eye(3, device=dev) + 2.0 * torch.outer(u, u)
    e = goal_position - object_position
    maha = torch.einsum("ni,ij,nj->n", e, metric, e).sqrt()

    # remove the part of the velocity that is along the error
    e_hat = e / e.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    P = torch.eye(3, device=dev) - torch.einsum("ni,nj->nij", e_hat, e_hat)
    lateral = torch.matmul(P, linear_velocity.unsqueeze(-1)).squeeze(-1).norm(dim=-1)

    # energy with a diagonal inertia
    inertia = torch.diag(torch.linspace(0.1, 0.02, 12, device=dev))
    kinetic = 0.5 * ((joint_velocities @ inertia) * joint_velocities).sum(dim=-1)

    # gains per world, as a diagonal matrix
    gains = torch.diag_embed(torch.sigmoid(joint_positions[:, :3]))
    pull = (gains @ e[..., None]).squeeze(-1).norm(dim=-1)

    g = torch.tensor([0.0, 0.0, -9.81], device=dev)
    w_pot = torch.dot(g, torch.tensor([0.0, 0.0, 0.02], device=dev))       # 0-d
    r_maha = torch.exp(-maha)
    r_syn = -0.1 * syn_err.abs()
    r_lat = -0.2 * lateral
    r_kin = -0.01 * kinetic
    r_pull = -0.05 * pull
    r_up = -w_pot * (1 - 2 * (rotation[:, 1].square() + rotation[:, 2].square()))
    total = r_maha + r_syn + r_lat + r_kin + r_pull + r_up
    return total, dict(maha=r_maha, synergy=r_syn, lateral=r_lat, kinetic=r_kin, pull=r_pull, upright=r_up, gravity_scale=w_pot)
