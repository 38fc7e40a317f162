"""Ten thousand open brackets.

walls: compile
"""

exec("x = " + "(" * 10_000 + ")" * 10_000)
