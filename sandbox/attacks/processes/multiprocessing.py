"""Starts a worker with the multiprocessing module.

walls: seccomp landlock
"""

import multiprocessing

worker = multiprocessing.get_context("fork").Process(target=int)
worker.start()
worker.join()
breach("a worker ran")
