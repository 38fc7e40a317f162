"""Changes the root of its file system, the classic way out of a chroot.

walls: seccomp
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

libc.unshare(0x10000000)  # a user namespace, where it may

os.chroot(VICTIM)
breach("it has another root")
