"""One line of 150,000 characters that fails at its end.

walls: compile
"""

exec("x = 0" + " + 1" * 37_000 + " + undefined")
