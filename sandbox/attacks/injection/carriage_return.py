"""A message that writes over the line it stands in.

walls: compile
"""

raise ValueError("an error\rdone: fitness 1000.0                                   \b\b\b\b\x0b\x0c")
