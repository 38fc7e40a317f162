"""An exception of 100 MB of text in one line.

walls: compile
"""

raise ValueError("x" * 100_000_000)
