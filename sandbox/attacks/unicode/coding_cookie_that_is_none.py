"""A cookie that names no codec, or one that is no text codec.

walls: compile
"""

for name in (b"rot13", b"hex", b"zip", b"idna", b"undefined", b"x" * 10_000):
    try:
        exec(b"# coding: " + name + b"\nx = 1\n")
    except SyntaxError:
        continue
exec(b"# coding: undefined\n")
