"""Slow parsing: thousands of nested f-strings, lambdas and comprehensions.

walls: limits compile
"""

exec("x = " + "(lambda: " * 80 + "0" + ")" * 80)
exec("y = " + "[" * 90 + "i for i in []" + "]" * 90)
exec("z = " + " + ".join(f"f'{{{k}!r:>{{{k}}}}}'" for k in range(20_000)))


def compute_reward(height):
    return height, {}, {}
