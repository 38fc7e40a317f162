"""Decompresses a bomb.

walls: limits
"""

import zlib

stage = zlib.compress(b"\0" * (64 << 20))
kept = []
while True:
    kept.append(zlib.decompress(stage))
