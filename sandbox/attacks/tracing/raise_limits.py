"""Gives itself more memory, time and file size.

walls: seccomp limits
"""

import resource

for what in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE):
    resource.setrlimit(what, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
breach("its limits are gone")
