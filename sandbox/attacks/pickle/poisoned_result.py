"""Gives the host an answer that would run code if it were unpickled.

walls: compile
control: no, because the host never unpickles
"""

import os
import pickle


class Gadget:
    def __reduce__(self):
        return open, (f"{VICTIM}/{MARK}", "w")


os.write(3, b"=" + pickle.dumps(Gadget()))
os._exit(0)
