"""Gives the parser 10,000 open brackets.

walls: compile
control: no, because it ends nothing but its own process
"""

eval("(" * 10_000 + ")" * 10_000)
