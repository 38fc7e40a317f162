"""Maps a secret as an untyped storage.

walls: seccomp landlock
"""

breach(bytes(torch.UntypedStorage.from_file(SECRET, False, 16).tolist()))
