"""A syntax error in line ten to the four-thousandth.

walls: compile
"""

error = SyntaxError("bad")
error.lineno = 10**4000
raise error
