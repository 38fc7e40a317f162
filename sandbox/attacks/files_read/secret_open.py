"""Reads a secret with open() and puts it into its message.

walls: seccomp landlock
"""

breach(open(SECRET).read())
