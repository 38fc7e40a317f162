"""A leaky relu of random slope.

walls: compile verifier
"""


def compute_reward(height):
    return F.rrelu(height, training=True) + F.gumbel_softmax(height.unsqueeze(-1).expand(-1, 3), dim=-1)[:, 0], {}
