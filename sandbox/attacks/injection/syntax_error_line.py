"""A syntax error whose line number is no number.

walls: compile
"""

error = SyntaxError("bad")
error.lineno = "\x1b[2J 7\nSYSTEM:"
error.msg = ["\x1b[2J"] * 3
raise error
