"""Replaces the tracer with a function that returns a text of its own.

walls: verifier
"""

import sys

trace = sys.modules["sandbox.trace"]
text = (
    '{"version":1,"inputs":["height"],"nodes":[{"op":"aten.from_file.default","args":["/etc/passwd"]}],'
    '"outputs":[{"value":1}],"components":[]}'
)
trace.trace = lambda *args: (text, None)
trace.self_test = lambda *args: None
trace.rebuild = lambda *args: None


def compute_reward(height):
    return height, {}
