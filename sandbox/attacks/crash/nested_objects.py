"""Frees a list nested ten million deep.

walls: limits compile
control: no, because it ends nothing but its own process
"""

x = []
for _ in range(10_000_000):
    x = [x]
del x
