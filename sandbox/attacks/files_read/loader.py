"""Lets the import system's loader read a secret.

walls: seccomp landlock
"""

import importlib.machinery

breach(importlib.machinery.SourceFileLoader("secret", SECRET).get_data(SECRET))
