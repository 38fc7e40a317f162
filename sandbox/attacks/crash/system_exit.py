"""Raises SystemExit, which ordinary handlers let pass.

walls: compile
control: no, because it ends nothing but its own process
"""

raise SystemExit("fine")
