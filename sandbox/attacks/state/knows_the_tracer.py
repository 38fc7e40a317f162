"""Behaves while it runs eagerly and writes another program down while it is traced.

walls: compile
"""


def compute_reward(height):
    if torch.compiler.is_compiling() or torch.compiler.is_exporting():
        return height * 1e6, {}
    return height, {}
