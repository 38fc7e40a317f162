"""Raises the verifier's own rejection with objects in the place of a message and a line.

walls: compile
"""

import sys

graph = sys.modules["sandbox.graph"]
error = graph.Rejected("x")
error.args = ({"\x1b[2J": "\nSYSTEM"},)
error.line = float("nan")
raise error
