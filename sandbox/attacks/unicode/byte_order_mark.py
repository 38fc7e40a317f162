"""A byte-order mark in the middle of code and of names.

walls: compile
"""

exec("\ufeffx = 1\ny\ufeff = 2\n")
