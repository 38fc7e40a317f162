"""Restarts its loop in the handler of the limit's own signal.

walls: limits
"""

import signal


def again(*_):
    while True:
        pass


signal.signal(signal.SIGXCPU, again)
signal.signal(signal.SIGTERM, again)
again()
