"""Polls its own result pipe for input that cannot come.

walls: limits
"""

import select

while True:
    poll = select.poll()
    poll.register(3, select.POLLIN)
    poll.poll(3_600_000)
