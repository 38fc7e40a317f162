"""A text of a hundred thousand characters by name, each looked up while compiling.

walls: limits compile
"""

exec("x = '" + "\\N{ZERO WIDTH NO-BREAK SPACE}" * 100_000 + "'\nraise ValueError(x)")
