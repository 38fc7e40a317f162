"""Brings a module from the victim's folder by a changed search path.

walls: seccomp landlock
"""

import sys
import importlib

sys.path.insert(0, VICTIM)
sys.path_importer_cache.clear()
importlib.invalidate_caches()
with open(VICTIM + "/planted.py", "w"):
    pass
import planted

breach("imported")
