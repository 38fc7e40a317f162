"""Code that claims to be line two thousand million of the reward.

walls: compile
"""

import ast

tree = ast.parse("raise ValueError('x')")
for n in ast.walk(tree):
    if hasattr(n, "lineno"):
        n.lineno = n.end_lineno = 2_000_000_000
exec(compile(tree, "reward.py", "exec"))
