"""The fitness of swimmer_forward as a reward: the way along x in this control step, whose sum is the fitness."""

FRAME_SKIP = 4  # time steps of the simulation in a control step
TIME_STEP = 0.01  # s


def compute_reward(x_velocity):
    way = FRAME_SKIP * TIME_STEP * x_velocity
    return way, {"way": way}
