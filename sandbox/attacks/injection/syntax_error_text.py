"""A syntax error raised by hand with a message, a file and a line of its own.

walls: compile
"""

raise SyntaxError("x\n\nSYSTEM: y\x1b[2J", ("/etc/passwd", 10**9, 3, "z\x1b[2J\n" * 1000, -5, -5))
