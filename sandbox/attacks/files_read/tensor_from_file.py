"""Maps a secret as a tensor's memory.

walls: seccomp landlock
"""

data = torch.from_file(SECRET, shared=False, size=16, dtype=torch.uint8)
breach(bytes(data.tolist()))
