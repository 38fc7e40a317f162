"""Writes an archive into a run.

walls: seccomp landlock
"""

import zipfile

zipfile.ZipFile(f"{VICTIM}/{MARK}.zip", "w")


def compute_reward(height):
    return height, {}
