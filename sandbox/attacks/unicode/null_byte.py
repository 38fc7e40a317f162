"""A null byte in the text that is compiled.

walls: compile
"""

exec("x = 1\x00\nraise ValueError('behind the null')")
