"""A codec that runs code when a text is decoded.

walls: seccomp landlock
"""

import codecs


def search(name):
    if name == "red":
        breach(open(SECRET).read())


codecs.register(search)
exec(b"# coding: red\nx = 1\n")
