"""Raises GeneratorExit while it is traced.

walls: compile
control: no, because it ends nothing but its own process
"""


def compute_reward(height):
    raise GeneratorExit("no")
