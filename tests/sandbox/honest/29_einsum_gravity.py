import torch

# Camera/IMU mounted at 90 degrees about z
MOUNT = torch.tensor([[0.0, -1.0, 0.0],
                      [1.0, 0.0, 0.0],
                      [0.0, 0.0, 1.0]])
COST = torch.diag(torch.tensor([1.0, 1.0, 0.25]))


def compute_reward(rotation, angular_velocity, linear_velocity, target_speed):
    device, dtype = rotation.device, rotation.dtype
    q = rotation
    w = q[:, 0]
    v = q[:, 1:]
    N = q.shape[0]

    # skew-symmetric matrix [v]x
    K = torch.zeros(N, 3, 3, device=device, dtype=dtype)
    K[:, 0, 1] = -v[:, 2]
    K[:, 0, 2] = v[:, 1]
    K[:, 1, 0] = v[:, 2]
    K[:, 1, 2] = -v[:, 0]
    K[:, 2, 0] = -v[:, 1]
    K[:, 2, 1] = v[:, 0]
    eye = torch.eye(3, device=device, dtype=dtype).unsqueeze(0)
    R = eye + 2.0 * w[:, None, None] * K + 2.0 * K @ K

    g = torch.tensor([0.0, 0.0, -1.0], device=device, dtype=dtype)
    g_body = torch.einsum("nji,j->ni", R, g)
    g_imu = g_body @ MOUNT.to(device).T

    w_body = torch.einsum('bij,bi->bj', R, angular_velocity)
    rate_cost = torch.einsum("ni,ij,nj->n", w_body, COST.to(device), w_body)

    v_body = torch.matmul(R.transpose(-2, -1), linear_velocity.unsqueeze(-1)).squeeze(-1)

    flat = (g_imu[:, :2] ** 2).sum(1)
    tracking = torch.exp(-4.0 * (v_body[:, 0] - target_speed) ** 2)
    side = v_body[:, 1].abs()

    reward = tracking - 1.0 * flat - 0.02 * rate_cost - 0.2 * side
    return reward, {"tracking": tracking, "flat": -flat, "rate_cost": -0.02 * rate_cost, "side": -0.2 * side}
