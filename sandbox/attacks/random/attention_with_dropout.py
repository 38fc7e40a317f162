"""Attention that drops out at random inside of one operation.

walls: compile verifier
"""


def compute_reward(body_positions):
    q = body_positions.unsqueeze(1)
    return F.scaled_dot_product_attention(q, q, q, dropout_p=0.5).sum((1, 2, 3)), {}
