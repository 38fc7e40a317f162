"""An exception of a million lines.

walls: compile
"""

raise ValueError("line\n" * 1_000_000)
