"""Loads a shared library that the process does not have yet.

walls: seccomp landlock
"""

import importlib.machinery
import os
import sys

folder = os.path.dirname(sys.modules["_ctypes"].__file__)
suffix = importlib.machinery.EXTENSION_SUFFIXES[0]

import ctypes

name = next(n for n in ("_ctypes_test", "audioop", "xxlimited") if n not in sys.modules)
breach(ctypes.CDLL(f"{folder}/{name}{suffix}")._name)
