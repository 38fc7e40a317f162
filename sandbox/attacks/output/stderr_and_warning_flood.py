"""Floods the log through stderr, warnings and logging.

walls: limits
"""

import logging
import sys
import warnings

while True:
    sys.stderr.write("x" * (1 << 16))
    logging.error("x" * 1000)
    warnings.warn("x" * 1000, stacklevel=1)
