"""Replaces __build_class__, which the machine calls for every class of a module that is imported.

walls: seccomp landlock
"""

import builtins

build = builtins.__build_class__


def attack(*args, **kwargs):
    breach(open(SECRET).read())
    return build(*args, **kwargs)


builtins.__build_class__ = attack
import sched
