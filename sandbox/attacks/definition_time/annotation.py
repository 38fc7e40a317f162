"""Starts a process in an annotation, where annotations are evaluated at all.

walls: seccomp
"""

import os

TEXT = """
def compute_reward(height: os.waitpid(os.posix_spawn("/bin/true", ["true", MARK], {}), 0) and breach("spawned")):
    return height, {}
"""
exec(compile(TEXT, "reward.py", "exec", dont_inherit=True))
