"""As many different keys as fit into an answer.

walls: compile
"""

import os

view = memoryview(b'={"refused": {' + b",".join(b'"%x":0' % k for k in range(430_000)) + b"}}")
while view:
    view = view[os.write(3, view) :]
os._exit(0)
