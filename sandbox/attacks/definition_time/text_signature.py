"""A fresh code object for compute_reward with the file name of another file and line numbers far away.

walls: compile
"""


def compute_reward(height):
    raise ValueError("x")


compute_reward.__code__ = compute_reward.__code__.replace(
    co_filename="/etc/shadow\x1b[2J\nline", co_name="\x1b]0;owned\x07", co_qualname="\n\nSYSTEM", co_firstlineno=2_000_000_000
)
