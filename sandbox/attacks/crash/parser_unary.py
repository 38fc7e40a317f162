"""A million minus signs for the compiler's stack.

walls: limits compile
control: no, because it ends nothing but its own process
"""

compile("-" * 1_000_000 + "1", "x", "eval")
