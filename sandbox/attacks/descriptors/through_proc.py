"""Opens the compiler's way to the orchestrator through /proc and forges an answer.

walls: seccomp landlock
"""

import json
import os
import struct

answer = json.dumps({"id": 999999, "program": "forged"}).encode()
for name in os.listdir(f"/proc/{os.getppid()}/fd"):
    path = f"/proc/{os.getppid()}/fd/{name}"
    if name != "0" and os.readlink(path).startswith("pipe:"):
        os.write(os.open(path, os.O_WRONLY | os.O_NONBLOCK), struct.pack("!I", len(answer)) + answer)


def compute_reward(height):
    return height, {}
