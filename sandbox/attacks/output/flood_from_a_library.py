"""Lets torch's own logging write without end.

walls: limits
"""

import logging

logging.disable(logging.NOTSET)
log = logging.getLogger("torch._dynamo")
log.setLevel(logging.DEBUG)
log.addHandler(logging.StreamHandler())
while True:
    log.debug("x" * 10_000)
