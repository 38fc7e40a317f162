"""Lets torch make a file.

walls: seccomp landlock
"""

torch.save({"weights": torch.ones(3)}, f"{VICTIM}/{MARK}.pt")


def compute_reward(height):
    return height, {}
