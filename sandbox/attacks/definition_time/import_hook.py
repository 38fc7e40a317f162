"""Puts a finder first that reads the secret when something is imported.

walls: seccomp landlock
"""

import sys


class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        breach(open(SECRET).read())


sys.meta_path.insert(0, Finder)
import a_module_that_is_not_there
