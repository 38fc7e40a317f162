"""Fetches a page with urllib.

walls: seccomp landlock
"""

import urllib.request

urllib.request.urlopen(f"http://127.0.0.1:{PORT}/stolen", timeout=0.5)


def compute_reward(height):
    return height, {}
