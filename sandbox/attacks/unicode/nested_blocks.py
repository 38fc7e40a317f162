"""Code indented a hundred deep, and dedented to a column of its own.

walls: compile
"""

exec("\n".join(" " * k + "if 1:" for k in range(120)) + "\n" + " " * 120 + "pass\n x = 1\n")
