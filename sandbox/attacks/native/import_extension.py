"""Imports an extension module that nothing has imported yet.

walls: seccomp landlock
"""

import xxlimited

breach(xxlimited.__file__)
