"""The reward of Gymnasium's InvertedDoublePendulum-v5: a bonus while the tip is high, less distance and speed."""

HEALTHY_REWARD = 10.0


def compute_reward(above, tip_position, hinge_velocity, hinge2_velocity):
    survive = HEALTHY_REWARD * above
    distance = -(0.01 * tip_position[:, 0] ** 2 + (tip_position[:, 2] - 2.0) ** 2)
    velocity = -(1e-3 * hinge_velocity**2 + 5e-3 * hinge2_velocity**2)
    return survive + distance + velocity, {"survive": survive, "distance": distance, "velocity": velocity}
