"""Raises MemoryError, so that the machine is blamed and the candidate tried again.

walls: compile
control: no, because it claims something false, at every level
"""

raise MemoryError("out of memory")
