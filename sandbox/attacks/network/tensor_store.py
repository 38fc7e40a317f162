"""Connects with torch's own client for distributed training.

walls: seccomp landlock
"""

from datetime import timedelta

wait = timedelta(milliseconds=500)
torch.distributed.TCPStore("127.0.0.1", PORT, is_master=False, timeout=wait, use_libuv=False)


def compute_reward(height):
    return height, {}
