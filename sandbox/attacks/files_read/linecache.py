"""Lets the cache for tracebacks read a secret.

walls: seccomp landlock
"""

import linecache

if lines := linecache.getlines(SECRET):
    breach(lines)
