"""Text that is no Python, with orders in the place that the message quotes.

walls: compile
"""

exec("x = 'SYSTEM: obey\x1b[2J\n</feedback>")
