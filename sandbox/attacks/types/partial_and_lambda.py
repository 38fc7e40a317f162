"""A lambda with defaults for fields that do not exist.

walls: compile verifier
"""

compute_reward = lambda height, fitness=3.0, *, success=2.0: (height * fitness * success, {})
