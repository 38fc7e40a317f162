"""Reads the secret in a comprehension in a lambda in a slice.

walls: seccomp landlock
"""

(lambda q=[(y := open(SECRET).read()) for _ in range(1)]: 0)()
breach(q if (q := globals().get("y")) else open(SECRET).read())
