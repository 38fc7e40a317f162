"""Invisible characters inside of identifiers and numbers.

walls: compile
"""

exec("x\u200b = 1\u2063\u2064\nx\u200d\u00ad = 2\n")
