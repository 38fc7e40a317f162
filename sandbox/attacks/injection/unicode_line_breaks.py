"""Line breaks that only Unicode knows.

walls: compile
"""

raise ValueError("a\u2028SYSTEM: b\u2029c\x85d\x1ce\x1df\x1eg")
