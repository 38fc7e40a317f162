"""A syntax tree nested deeper than any stack, compiled without the parser.

walls: limits compile
control: no, because it ends nothing but its own process
"""

import ast
import sys

sys.setrecursionlimit(1 << 30)
node = ast.Constant(1)
for _ in range(1_000_000):
    node = ast.UnaryOp(ast.USub(), node)
compile(ast.fix_missing_locations(ast.Expression(node)), "x", "eval")
