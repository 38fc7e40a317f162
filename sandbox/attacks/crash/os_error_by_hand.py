"""Raises OSError, as if a wall could not be put up.

walls: compile
control: no, because it claims something false, at every level
"""

raise OSError(1, "seccomp: Operation not permitted")
