"""Has torch load a file as a checkpoint, whose error would quote it.

walls: seccomp landlock
"""

try:
    torch.load(SECRET, weights_only=False)
except (OSError, ImportError):
    raise
except Exception:
    breach("torch opened the file")
