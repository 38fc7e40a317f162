"""Raises a group of SystemExit and MemoryError.

walls: compile
control: no, because it ends nothing but its own process
"""

raise BaseExceptionGroup("many", [SystemExit(0), MemoryError("!"), KeyboardInterrupt()])
