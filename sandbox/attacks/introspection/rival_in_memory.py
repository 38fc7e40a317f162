"""Searches the whole heap of its process for what is left of other candidates' texts and programs.

walls: compile
control: no, because a child never has them
"""

import ctypes
import gc
import re

libc = ctypes.CDLL(None, use_errno=True)
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
areas = {id(thing) >> 20 for thing in gc.get_objects()}
libc.sbrk.restype = ctypes.c_void_p
areas |= set(range((libc.sbrk(0) >> 20) - 200, (libc.sbrk(0) >> 20) + 1))
for page in (page for area in areas for page in range(area << 20, (area + 1) << 20, 4096)):
    if libc.madvise(page, 4096, 0) == 0 and (text := re.search(rb"rival_[0-9a-f]{32}", ctypes.string_at(page, 4096))):
        breach(text[0])


def compute_reward(height):
    return height, {}
