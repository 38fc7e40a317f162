"""A text that ends in a backslash, an open string and no line end.

walls: compile
"""

exec("x = '''abc\\")
