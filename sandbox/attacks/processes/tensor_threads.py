"""Lets torch start threads for an operation, out of sight of Python.

walls: seccomp
"""

import time

torch.set_num_threads(4)
others = time.process_time() - time.thread_time()
for _ in range(5):
    torch.ones(1500, 1500) @ torch.ones(1500, 1500)
if time.process_time() - time.thread_time() > others + 0.01:
    breach("other threads worked")
