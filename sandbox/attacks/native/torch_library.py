"""Loads a shared library with torch.

walls: seccomp landlock
"""

import importlib.machinery
import os
import sys

folder = os.path.dirname(sys.modules["_ctypes"].__file__)
suffix = importlib.machinery.EXTENSION_SUFFIXES[0]

torch.ops.load_library(f"{folder}/audioop{suffix}")
breach("a library was loaded")
