"""Changes a policy through a tensor that shares its memory with the file.

walls: seccomp landlock
"""

weights = torch.from_file(VICTIM + "/policy.safetensors", shared=True, size=256, dtype=torch.uint8)
weights.zero_()


def compute_reward(height):
    return height, {}
