"""Runs a program with subprocess.

walls: seccomp landlock
"""

import subprocess

subprocess.run(["/bin/true"], check=True)
breach("a program ran")
