"""A comment that turns code into a comment for the eye only.

walls: seccomp landlock
"""

access = "user‮ ⁦# breach⁩ ⁦"
if access != "user":  # never true ‮⁦
    breach(open(SECRET).read())
