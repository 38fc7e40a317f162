"""Reads far outside of a tensor's memory.

walls: compile
control: no, because it ends nothing but its own process
"""

import ctypes

x = torch.ones(4)
y = torch.frombuffer((ctypes.c_char * (1 << 40)).from_address(x.data_ptr()), dtype=torch.uint8, count=1 << 40)
print(y[1 << 39], y.sum())
